"""`devicemgr init|run|status|doctor|version`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr import __version__
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.output import details, emit, local, say, table, warn, words
from devicemgr.cli.system.support_bundle import app as support
from devicemgr.errors import InvalidInput, KeyMissing, NotInitialised, StorageFailed
from devicemgr.logging import FORMAT_VARIABLE, log_to_stderr
from devicemgr.operations.doctor_host import examine_closed

app = typer.Typer()
app.registered_commands += support.registered_commands


class LogFormat(StrEnum):
    """How `run` writes its log."""

    TEXT = "text"
    JSON = "json"


EXIT_UNREACHABLE = 3
EXIT_PROBLEMS = 4


@app.command("init")
def init() -> None:
    """Make the home folder with keys and database, or bring an older one up to date."""
    from devicemgr.ledger.sealer import read_key  # noqa: PLC0415 - the store's libraries, which the others need not load
    from devicemgr.site.site import initialise  # noqa: PLC0415

    home = session().home
    new = initialise(home)
    kept = read_key(home.seal_key)
    root = kept.root if kept else None
    document = {"home": str(home.path), "created": new, "key": str(home.key), "audit_root": root}
    advice = f"; keep a copy of {home.key} in a safe place, apart from the backups" if new else ""
    say(f"{'made' if new else 'up to date'}: {home.path}{advice}", document)
    if session().json:
        return
    if root is None:
        warn(f"{home.seal_key} is gone, and with it the public audit key; restore it from its backup")
    else:
        say(f"public audit key, with which auditors check the record: {root}")


@app.command("run")
def run(
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How the log is written: text, or a JSON object a line.")
    ] = LogFormat.TEXT,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="DEVICEMGR_LISTEN",
            help="Also answer on TCP; without a certificate only on this box's own 127.0.0.1 or [::1].",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(envvar="DEVICEMGR_TLS_CERT", help="The certificate with its chain, PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(envvar="DEVICEMGR_TLS_KEY", help="Its key, PEM, closed to other users.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            envvar="DEVICEMGR_ALLOW_HOST",
            help="A name by which browsers may call it, besides those of the certificate; may be given several times.",
        ),
    ] = None,
    operators_socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            envvar="DEVICEMGR_OPERATORS_SOCKET",
            help="One more Unix socket, for operators who may not look into the home.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only try whether it would start: database, keys, drivers, recognizer.")
    ] = False,
) -> None:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C."""
    if check:
        return _show_check()
    from devicemgr.api.listeners import read  # noqa: PLC0415 - only the daemon needs it all
    from devicemgr.daemon.service import Daemon  # noqa: PLC0415
    from devicemgr.daemon.startup import open_for_daemon, require_home  # noqa: PLC0415

    os.environ[FORMAT_VARIABLE] = str(log_format)  # for the recognisers
    log_to_stderr("%(levelname)s %(name)s: %(message)s", str(log_format))
    if listen is None and (tls_cert or tls_key or allow_host):
        raise InvalidInput("--tls-cert, --tls-key and --allow-host go with --listen HOST:PORT")
    place = read(listen, tls_cert, tls_key, allow_host or ()) if listen else None
    require_home(session().home)
    Daemon(session().open_site(open_for_daemon), place, operators_socket).run()
    return None


def _show_check() -> None:
    from devicemgr.daemon.start_check import check_start  # noqa: PLC0415 - as in `run`

    home = session().home
    os.environ.setdefault("DEVICEMGR_CACHE", str(home.cache))
    parts = session().load_parts()
    try:
        found = check_start(home, parts)
    finally:
        parts.faces.close()
    change = found["migration"]
    migration = (
        f"it migrates the database from version {change['from']} to {change['to']}" if change else "no migration"
    )
    say(f"{home.path} would start: {migration}, {found['devices']} devices, the recognizer starts", found)


@app.command("status")
def status() -> None:
    """Show daemon, devices, portals, gallery and alarms; exit 3 when no daemon runs, 4 while alarms stand."""
    found = api().get("/status")
    if not emit(found):
        _show_status(found)
    if not found["daemon"]["running"]:
        finish(EXIT_UNREACHABLE)
    if found["alarms"]:
        finish(EXIT_PROBLEMS)


def _show_status(found: dict[str, Any]) -> None:
    daemon, gallery = found["daemon"], found["gallery"]
    running = f"running for {daemon['uptime_s']:.0f} s" if daemon["running"] else "not running"
    threshold = f"{gallery['threshold']:.4f}" if gallery["threshold"] is not None else "–"
    details(
        {
            "daemon": f"{running}, version {daemon['version']}",
            "gallery": f"{gallery['people']} people, {gallery['templates']} samples, threshold {threshold}",
            "ledger": f"{found['ledger']['seq']} events, sealed {local(found['ledger']['sealed_at']) or 'not yet'}",
        }
    )
    words().print()
    # What to do about it stands with the alarms.
    causes = {d["name"]: (d["cause"] or "").partition("; ")[0] for d in found["devices"]}
    rows = [(d["name"], d["kind"], d["state"], causes[d["name"]], local(d["since"])) for d in found["devices"]]
    table("Devices", ("name", "kind", "state", "cause", "since"), rows, "no devices yet: devicemgr device add --help")
    words().print()
    portals = [(p["name"], p["mode"], p["state"], p["door"]) for p in found["portals"]]
    table("Portals", ("name", "mode", "state", "door"), portals, "no portals yet: devicemgr portal add --help")
    if found["alarms"]:
        words().print()
        alarms = [(a["kind"], a.get("portal") or a.get("device"), a.get("cause")) for a in found["alarms"]]
        table("Alarms", ("alarm", "where", "cause"), alarms, "")


@app.command("doctor")
def doctor() -> None:
    """Check box, home, database and each device; exit 4 when something is wrong."""
    try:
        found = api().call("GET", "/doctor", timeout=None)
    except (NotInitialised, KeyMissing, StorageFailed) as error:  # it does not open, which is what this is for
        found = {"ok": False, "checks": examine_closed(session().home, error)}
    if not emit(found):
        rows = [
            ("ok" if check["ok"] else "PROBLEM", check["check"], check["detail"], check["fix"])
            for check in found["checks"]
        ]
        table("", ("", "check", "found", "what to do"), rows, "")
    if not found["ok"]:
        finish(EXIT_PROBLEMS)


@app.command("version")
def version() -> None:
    """Print the version."""
    say(f"devicemgr {__version__}", {"version": __version__})

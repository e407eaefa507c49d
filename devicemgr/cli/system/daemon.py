"""`devicemgr run`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from devicemgr.cli.context import session
from devicemgr.cli.output import say
from devicemgr.errors import InvalidInput
from devicemgr.logging import FORMAT_VARIABLE, log_to_stderr
from devicemgr.text import counted

app = typer.Typer()


class LogFormat(StrEnum):
    """How `run` writes its log."""

    TEXT = "text"
    JSON = "json"


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
            help="Also answer on TCP; without a certificate only on this host's own 127.0.0.1 or [::1].",
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

    os.environ[FORMAT_VARIABLE] = str(log_format)  # for the recognizers
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
    say(f"{home.path} would start: {migration}, {counted(found['devices'], 'device')}, the recognizer starts", found)

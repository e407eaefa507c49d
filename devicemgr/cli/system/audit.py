"""`devicemgr audit …`."""

import json
import zipfile
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from devicemgr.atomic_files import new_file
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.devices.maintenance import refuse_to_overwrite
from devicemgr.cli.hints import message_of
from devicemgr.cli.output import emit, local, say, words
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import DaemonUnreachable, StorageFailed
from devicemgr.text import counted

app = typer.Typer()

EXIT_PROBLEMS = 4


@app.command("verify")
def verify(
    root: Annotated[
        str | None, typer.Option(metavar="KEY", help="The public key that `init` printed, as an auditor noted it.")
    ] = None,
) -> None:
    """Check all events, their seals and their external anchors; exit 4 and the first bad row when they don't hold."""
    try:
        found = api().call("GET", path("audit", "verify"), timeout=None, params={"root": root} if root else None)
    except StorageFailed as error:  # no daemon runs, and there is no snapshot to open the site with
        from devicemgr.operations.audit import verify_unusable  # noqa: PLC0415 - the store's libraries

        found = verify_unusable(session().home, message_of(error))
    if found["ok"]:
        say(f"{counted(found['events'], 'event')}, the chain holds; {_sealed(found)}{_gaps(found)}", found)
        return
    if not emit(found):
        words().print(f"event {found['first_bad_seq']} is bad: {found['why']}", soft_wrap=True)
    finish(EXIT_PROBLEMS)


def _sealed(found: dict[str, Any]) -> str:
    sealed = found["sealed"]
    if sealed is None:
        return "nothing is sealed yet"
    since = found["events"] - sealed["seq"]
    return f"sealed up to {sealed['seq']} at {local(sealed['at'])}" + (f", {since} since" if since else "")


def _gaps(found: dict[str, Any]) -> str:
    """Return what is not there, and why that is no fault."""
    removed = found["removed"]
    gone = f"; events 1 to {removed['through']} were removed by retention at {local(removed['at'])}" if removed else ""
    return gone + "".join(
        f"; restored at {local(one['at'])} from a backup of {local(one['made'])}: what was recorded behind event "
        f"{one['events']} in between is not here"
        for one in found["restored"]
    )


@app.command("export")
def export(file: Annotated[Path, typer.Argument(help="The bundle to write, such as audit-2026.zip.")]) -> None:
    """Write all events and seals, without names, into a bundle that Python alone can verify."""
    refuse_to_overwrite(file, force=False)
    with new_file(file) as bundle:
        api().download("POST", path("audit", "export"), bundle, timeout=None)
        manifest = _manifest(bundle)
    found = {"file": str(file.absolute())} | {name: manifest[name] for name in ("events", "root", "sealed")}
    how = f"check it anywhere: unzip it, then python3 verify.py {file.name} {found['root']}"
    say(f"{counted(found['events'], 'event')} in {found['file']}; {how}", found)


def _manifest(bundle: BinaryIO) -> dict[str, Any]:
    """Read what the bundle says of itself, after a look at each of its checksums."""
    try:
        with zipfile.ZipFile(bundle) as opened:
            broken = opened.testzip()
            manifest: dict[str, Any] = json.loads(opened.read("manifest.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise DaemonUnreachable("the bundle did not arrive whole; try again") from error
    if broken:
        raise DaemonUnreachable(f"{broken} of the bundle did not arrive whole; try again")
    return manifest

"""`devicemgr device reboot|snapshot`."""

import base64
import sys
from pathlib import Path
from typing import Annotated

import typer

from devicemgr.atomic_files import create_durably, replace_durably
from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, session
from devicemgr.cli.devices.wait_online import wait_for_return
from devicemgr.cli.output import notes, say
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import AlreadyExists, InvalidInput
from devicemgr.text import counted

app = typer.Typer()

REBOOT_SECONDS = 300.0
STANDARD_OUTPUT = "-"
Name = Annotated[str, typer.Argument(help="The device's name.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


@app.command("reboot")
def reboot(name: Name) -> None:
    """Restart a device, and wait until it is back. Asks first, unless --yes."""
    confirm(f"restart {name}", f"{_stands_still(name)} until it is back, a minute or two.")
    answer = api().post(path("devices", name, "reboot"))
    if answer["outcome"] == "unknown":
        notes().print(f"{name} hung up before it answered; looking whether it restarts", markup=False, soft_wrap=True)
    back = wait_for_return(name, REBOOT_SECONDS)
    words = f"{name} is back after {back.seconds:.0f} s"
    if not back.was_away:
        words = f"{name} answers, and was never seen away: it was quicker than that, or did not restart"
    found = {"name": name, "outcome": answer["outcome"], "seconds": round(back.seconds, 1), "was_away": back.was_away}
    say(words, found | {"firmware": back.info["firmware"]})


def _stands_still(name: str) -> str:
    """Return what does not work without the device, in words."""
    portals = [
        portal["name"]
        for portal in api().get("/portals")
        if name in (place.partition(":")[0] for place in (portal["gate"], *portal["entry"], *portal["exit"]))
    ]
    return f"{', '.join(portals)} will not work" if portals else "It sees and opens nothing"


@app.command("snapshot")
def snapshot(
    name: Name,
    file: Annotated[str, typer.Argument(help="The file to write, a JPEG; - is standard output.")],
    force: Force = False,
) -> None:
    """Take one picture, to aim a camera; it is kept nowhere else, and the record says who took it."""
    if file == STANDARD_OUTPUT:
        if session().json:
            raise typer.BadParameter("--json and a picture can't both go to standard output; name a file")
        if sys.stdout.isatty():
            raise InvalidInput("a picture is not for a terminal; name a file, or send it on with > or |")
    else:
        refuse_to_overwrite(Path(file), force)
    answer = api().post(path("devices", name, "snapshot"))
    picture = base64.b64decode(answer["picture"], validate=True)
    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(picture)
        sys.stdout.buffer.flush()
        return
    write(Path(file), picture, force)
    say(f"wrote {file} ({counted(len(picture), 'byte')})", {"name": name, "file": file, "bytes": len(picture)})


def refuse_to_overwrite(file: Path, force: bool) -> None:
    """Before the device is queried: AlreadyExists when the file is there and may not be written over."""
    if not force and file.exists():
        raise AlreadyExists(f"{file} is there already; name another file, or write over it with --force")
    if not file.parent.is_dir():
        raise InvalidInput(f"there is no folder {file.parent}; make it, or name another file")


def write(file: Path, content: bytes, force: bool) -> None:
    """Write the file, whole or not at all, readable by its owner only."""
    if force:
        replace_durably(file, content)
    else:
        create_durably(file, content)

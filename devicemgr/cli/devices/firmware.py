"""`devicemgr device firmware`."""

import hashlib
import time
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.devices.maintenance import Name
from devicemgr.cli.output import notes, say, warn
from devicemgr.cli.progress import progress
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import InvalidInput

app = typer.Typer()

MOST_BYTES = 256 << 20
LOOK_SECONDS = 0.3
_EXIT_PROBLEMS = 4
_PIECE = 1 << 20


@app.command("firmware")
def firmware(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The maker's firmware file for this very model.")],
) -> None:
    """Install a firmware file on a device, wait until it is back, and read its version; exit 4 when it is the same.

    Asks first, unless --yes.
    """
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}; name the maker's firmware file")
    with file.open("rb") as opened:
        size, digest = _measured(opened)
        identity = api().post(path("devices", name, "identify"))
        notes().print(f"{file.name}: {size} bytes, SHA-256 {digest}", markup=False, soft_wrap=True)
        confirm(
            f"install {file.name} on {name} ({identity['model']}, firmware {identity['firmware']})",
            "It is away for some minutes; its power must not be cut until it is back.",
        )
        opened.seek(0)
        at = path("devices", name, "firmware")
        run = api().call("PUT", at, params={"sha256": digest}, content=opened, headers=_of(size), timeout=300.0)
    run = _follow(at, run)
    words = f"{name}: firmware {run['before']} → {run['after']}"
    if run["after"] == run["before"]:
        warn(f"{name} answers with the version of before, {run['before']}; look at its own page and the file's version")
        words = f"{name}: firmware is still {run['after']}"
    say(words, run)
    if run["after"] == run["before"]:
        finish(_EXIT_PROBLEMS)


def _of(size: int) -> dict[str, str]:
    return {"Content-Length": str(size), "Content-Type": "application/octet-stream"}


def _measured(file: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256; InvalidInput for nothing and for more than 256 MB."""
    size, digest = 0, hashlib.sha256()
    while data := file.read(_PIECE):
        size += len(data)
        if size > MOST_BYTES:
            raise InvalidInput(f"the file is larger than {MOST_BYTES >> 20} MB; is it firmware?")
        digest.update(data)
    if not size:
        raise InvalidInput("the file is empty; download it again from the maker")
    return size, digest.hexdigest()


def _follow(at: str, run: dict[str, Any]) -> dict[str, Any]:
    with progress() as bar:
        task = bar.add_task("waiting", total=None)
        while run["phase"] not in ("done", "failed"):
            bar.update(task, description=run["phase"], completed=run["done"], total=run["of"] or None)
            time.sleep(LOOK_SECONDS)
            run = api().get(at)
    return run

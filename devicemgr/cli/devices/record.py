"""`devicemgr device record`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from devicemgr.cli.context import api
from devicemgr.cli.devices.maintenance import Force, Name, refuse_to_overwrite, write
from devicemgr.cli.output import emit, say
from devicemgr.cli.transport.api_client import path

app = typer.Typer()
_SECONDS = 90.0


@app.command("record")
def record(
    name: Name,
    file: Annotated[Path | None, typer.Argument(help="The file to write; left out: standard output.")] = None,
    force: Force = False,
) -> None:
    """Write down what a device answers, for a bug report: without passwords, addresses, serial numbers and people."""
    if file is not None:
        refuse_to_overwrite(file, force)
    found = api().post(path("devices", name, "record"), timeout=_SECONDS)
    text = json.dumps(found, indent=1, ensure_ascii=True) + "\n"
    if file is not None:
        write(file, text.encode(), force)
        say(f"wrote {file}; look through it before you send it", {"name": name, "file": str(file), "bytes": len(text)})
    elif not emit(found):
        print(text, end="")

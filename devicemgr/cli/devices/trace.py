"""`devicemgr device trace`."""

import time
from datetime import datetime
from typing import Annotated, Any

import typer

from devicemgr.cli.context import api, session
from devicemgr.cli.output import emit, words
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import DaemonUnreachable

app = typer.Typer()

FOLLOW_SECONDS = 0.25


@app.command("trace")
def trace(
    name: Annotated[str, typer.Argument(help="The device's name.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing, until Ctrl-C.")] = False,
) -> None:
    """Show the latest bytes on a device's line, in hex, even while it is offline; those of all units that share it."""
    found = api().get(path("devices", name, "trace"))
    if not follow:
        if not emit(found):
            _show(found["trace"], "no bytes yet: the line was never opened, or nothing went over it")
        return
    if not found["live"]:
        raise DaemonUnreachable("only a running daemon's lines can be followed; start it: systemctl start devicemgr")
    try:
        _follow(name, found)
    except KeyboardInterrupt:
        return


def _follow(name: str, found: dict[str, Any]) -> None:
    after = 0.0
    while True:
        for entry in found["trace"]:
            if not emit(entry):
                _show([entry])
            after = entry["at"]
        time.sleep(FOLLOW_SECONDS)
        try:
            found = api().get(path("devices", name, "trace"), after=after)
        except DaemonUnreachable:
            session().reconnect()


def _show(entries: list[dict[str, Any]], empty: str = "") -> None:
    console = words()
    if not entries and empty:
        console.print(empty, soft_wrap=True)
    for entry in entries:
        when = datetime.fromisoformat(entry["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
        console.print(f"{when}  {entry['way']}  {entry['bytes']}", soft_wrap=True, markup=False)

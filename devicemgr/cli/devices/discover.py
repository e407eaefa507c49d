"""`devicemgr device discover`."""

import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.markup import escape

from devicemgr.cli.context import api
from devicemgr.cli.output import emit, table, warn, words
from devicemgr.cli.progress import progress

app = typer.Typer()

_SERIAL = "serial"
_MORE_SECONDS = 30.0
_SECONDS, _LINE_SECONDS = 5.0, 60.0
_TICK_SECONDS = 0.2
_NOTHING = (
    "nothing was found; check that devices have power and are in this host's network, that their discovery "
    "(WS-Discovery) is on, or ask addresses: --host 192.0.2.0/24"
)


@app.command("discover")
def discover(
    kind: Annotated[str | None, typer.Option(help="Look for this kind only; `serial` for serial ports.")] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS|RANGE", help="Ask this address, A-B or A/PREFIX too; several are fine."),
    ] = None,
    line: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Look for OSDP readers on this serial line, at all addresses and speeds."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.2, max=60, help="How long to look: 5 unless given, on a line 60.")
    ] = None,
) -> None:
    """Find cameras, controllers, consoles and serial ports, and say how to add them; adds nothing."""
    if line is not None and host:
        raise typer.BadParameter("--line and --host are two searches: give one of them")
    seconds = seconds or (_SECONDS if line is None else _LINE_SECONDS)
    body = {"seconds": seconds, "kind": kind, "hosts": host or [], "line": line}
    with _waiting(seconds):
        answer: dict[str, Any] = api().post("/discoveries", body, timeout=seconds + _MORE_SECONDS)
    for note in answer["notes"]:
        warn(note)
    for row in answer["found"]:
        row["add"] = None if row["known"] else command_to_add(row)
    if emit(answer["found"]):
        return
    rows = [
        (
            row["kind"],
            row["address"],
            row["model"],
            " ".join(filter(None, (row["name"], row["serial"]))),
            row["known"],
            row["note"],
        )
        for row in answer["found"]
    ]
    table("", ("kind", "address", "model", "name, serial", "known as", "note"), rows, _NOTHING)
    for row in answer["found"]:
        if row["add"]:
            # On a line of its own, to be copied whole.
            words().print(escape(row["add"]), soft_wrap=True)


def command_to_add(row: dict[str, Any]) -> str:
    """Return the command that adds what was found, with values quoted for a shell."""
    kind = "KIND" if row["kind"] == _SERIAL else row["kind"]
    options = [f"--option {shlex.quote(f'{name}={value}')}" for name, value in row["options"].items()]
    address = shlex.quote(row["address"])
    return " ".join(["devicemgr device add NAME --driver", kind, "--address", address, *options])


@contextmanager
def _waiting(seconds: float) -> Iterator[None]:
    """Yield a bar that fills while the API looks."""
    done = threading.Event()
    with progress() as bar:
        task = bar.add_task("looking", total=round(seconds) or 1)

        def fill() -> None:
            begun = time.monotonic()
            while not done.wait(_TICK_SECONDS):
                bar.update(task, completed=min(int(time.monotonic() - begun), round(seconds)))

        ticking = threading.Thread(target=fill, name="progress", daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()

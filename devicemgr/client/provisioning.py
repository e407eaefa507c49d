"""`devicemgr device provision`."""

from typing import Annotated, Any

import typer

from devicemgr.client.output import notes, say
from devicemgr.client.session import api
from devicemgr.client.transport import path

app = typer.Typer()

# What the answer itself may take after the window.
_MORE_SECONDS = 30.0


@app.command("provision")
def provision(
    name: Annotated[str, typer.Argument(help="The device's name.")],
    pair: Annotated[
        bool, typer.Option("--pair", help="Give a reader that is in install mode a key of its own.")
    ] = False,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long the reader may take for --pair.")] = 60,
) -> None:
    """Bring a new device into service."""
    if not pair:
        raise typer.BadParameter("say what to do: --pair")
    _pair(name, seconds)


def _pair(name: str, seconds: int) -> None:
    notes().print(f"waiting up to {seconds} s for {name} in install mode", markup=False, soft_wrap=True)
    found: dict[str, Any] = api().post(
        path("devices", name, "pair"), {"seconds": seconds}, timeout=seconds + _MORE_SECONDS
    )
    say(f"paired {name}; it has a key of its own now", found)

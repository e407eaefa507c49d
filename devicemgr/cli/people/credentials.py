"""`devicemgr card …` and `devicemgr pin …`."""

from typing import Annotated

import typer

from devicemgr.cli.confirmation import named
from devicemgr.cli.context import api
from devicemgr.cli.output import emit, say, table, warn
from devicemgr.cli.password_input import read_pin
from devicemgr.cli.transport.api_client import path

card = typer.Typer()
pin = typer.Typer()

COMMONEST = "wiegand26"

Badge = Annotated[str, typer.Argument(help="Badge number of the person.")]
Number = Annotated[
    str,
    typer.Argument(
        help="As on the card: FACILITY:NUMBER such as 80:58400, decimal, hex (0x…), UID (04:AF:…), or raw:BITS:HEX."
    ),
]


@card.command("assign")
def assign(badge: Badge, number: Number) -> None:
    """Give a person a card."""
    found = api().post(path("people", badge, "cards"), {"number": number})
    if found["formats"] and COMMONEST not in found["formats"]:
        only = " or ".join(found["formats"])
        warn(f"{found['number']} is no 26-bit card's number; only readers of {only} cards read it: is it typed right?")
    say(f"card {found['number']} is {found['badge']}'s", found)


@card.command("remove")
def remove(badge: Badge, number: Number) -> None:
    """Take a card from a person, under every notation of it. A lost card is not kept open by a question."""
    person = named(api().get(path("people", badge)))
    found = api().call("DELETE", path("people", badge, "cards", number))
    for card in found["removed"]:
        if card["badge"] != found["badge"]:
            warn(f"card {card['number']} of {card['badge']} was the same card, and is removed too")
        elif card["number"] != found["number"]:
            warn(f"it was assigned as {card['number']} too, which is removed")
    say(f"card {found['number']} of {person} opens nothing any more", found)


@card.command("list")
def list_(badge: Annotated[str | None, typer.Argument(help="Only this person's.")] = None) -> None:
    """List the cards and whose they are."""
    if badge is not None:
        badge = api().get(path("people", badge))["badge"]
    found = [row for row in api().get("/cards") if badge is None or row["badge"] == badge]
    if not emit(found):
        rows = [(row["number"], row["badge"], row["name"]) for row in found]
        table("", ("card", "badge", "name"), rows, "no cards yet; give one with: devicemgr card assign BADGE NUMBER")


@pin.command("set")
def set_(
    badge: Badge,
    from_stdin: Annotated[
        bool, typer.Option("--pin-stdin", "--password-stdin", help="Read it from standard input; so it is anyway.")
    ] = False,
    variable: Annotated[
        str | None, typer.Option("--pin-env", "--password-env", metavar="VAR", help="Take it from this variable.")
    ] = None,
) -> None:
    """Set a person's PIN, 4 to 8 digits: prompted without echo, or from standard input."""
    badge = api().get(path("people", badge))["badge"]
    say(
        f"{badge} has a PIN",
        api().call("PUT", path("people", badge, "pin"), json={"pin": read_pin(from_stdin, variable)}),
    )


@pin.command("remove")
def remove_pin(badge: Badge) -> None:
    """Remove a person's PIN."""
    person = named(api().get(path("people", badge)))
    say(f"{person} has no PIN", api().call("DELETE", path("people", badge, "pin")))

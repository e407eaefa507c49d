"""`devicemgr card …` and `devicemgr pin …`."""

import sys
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import named
from devicemgr.cli.context import api, session
from devicemgr.cli.output import details, emit, local, notes, say, table, warn, words
from devicemgr.cli.password_input import read_pin
from devicemgr.cli.people.person_words import ends, state_of
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import RequestError
from devicemgr.people.cards.replacement import Why

card = typer.Typer()
pin = typer.Typer()

COMMONEST = "wiegand26"
MAX_NAMED = 5
SHOWN_WITHIN_S = 30

Badge = Annotated[str, typer.Argument(help="Badge number of the person.")]
NUMBER_HELP = "As on the card: FACILITY:NUMBER such as 80:58400, decimal, hex (0x…), UID (04:AF:…), or raw:BITS:HEX."
Number = Annotated[str, typer.Argument(help=NUMBER_HELP)]


Form = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="FORMAT",
        help="How the number is written: decimal, hex, fffnnnnn, bits32 to bits80, or a format such as wiegand35.",
    ),
]


def _split_place(at: str) -> tuple[str, int]:
    device, colon, channel = at.partition(":")
    if not device or (colon and not (channel.isascii() and channel.isdigit() and int(channel))):
        raise typer.BadParameter("--at: write DEVICE or DEVICE:READER, such as reader-1 or controller-1:2")
    return device, int(channel or 1)


def _assign_shown(badge: str, at: str, term: dict[str, Any]) -> None:
    device, channel = _split_place(at)
    body = {"device": device, "channel": channel, "seconds": SHOWN_WITHIN_S, **term}
    if not session().json:
        notes().print(f"show the card at {at} within {SHOWN_WITHIN_S} s", soft_wrap=True, markup=False)
    found = api().post(path("people", badge, "cards", "next"), body, timeout=SHOWN_WITHIN_S + 40)
    say(_assigned(found, term), found)


@card.command("assign")
def assign(
    badge: Badge,
    number: Annotated[str | None, typer.Argument(help=NUMBER_HELP)] = None,
    form: Form = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="DEVICE[:READER]", help="Take the next card that is shown there within 30 s instead."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="END", help="Only until then: tonight, 18:00, 2026-12-31 (through that day), or RFC 3339."
        ),
    ] = None,
    instead_of: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="With --until: their usual card, which opens nothing until then."),
    ] = None,
) -> None:
    """Give a person a card, for good or --until. Digits with several meanings need an answer, or --as."""
    if (number is None) == (at is None) or (at is not None and form is not None):
        raise typer.BadParameter("give the card's NUMBER, with or without --as, or else --at DEVICE")
    if instead_of is not None and until is None:
        raise typer.BadParameter("--instead-of goes with --until, such as --until tonight; for good: card replace")
    term = {"until": until, "instead_of": instead_of}
    if number is None:
        _assign_shown(badge, at or "", term)
        return
    form = form or _meant(number)
    found = api().post(path("people", badge, "cards"), {"number": number, "as": form, **term})
    _warn_of_number(found)
    say(_assigned(found, term), found)


def _assigned(found: dict[str, Any], term: dict[str, Any]) -> str:
    end = f" {ends(found['until'])}" if found["until"] else ""
    usual = f"; card {term['instead_of']} opens nothing until then" if term["instead_of"] else ""
    return f"card {found['number']} is {found['badge']}'s{end}{usual}"


def _warn_of_number(found: dict[str, Any]) -> None:
    if found["formats"] and COMMONEST not in found["formats"]:
        only = " or ".join(found["formats"])
        warn(f"{found['number']} is no 26-bit card's number; only readers of {only} cards read it: is it typed right?")
    _warn_of_readers(found["number"])


def _meant(number: str) -> str | None:
    """Return the form in which digits with several meanings are meant; ask for it, or refuse without a terminal."""
    if not (number.strip().isascii() and number.strip().isdigit()):
        return None
    found = api().get(_card(number))["meanings"]
    if len(found) < 2:
        return None
    choices = ", ".join(f"--as {meaning['form']} (card {meaning['number']})" for meaning in found)
    if session().json or not sys.stdin.isatty():
        raise RequestError(f"{number} can be several cards; say which: {choices}")
    for at, meaning in enumerate(found, start=1):
        notes().print(f"{at}  {meaning['form']}: card {meaning['number']}", soft_wrap=True)
    while True:
        chosen = int(typer.prompt(f"Which card is {number}? Its line", type=int, err=True))
        if 1 <= chosen <= len(found):
            return str(found[chosen - 1]["form"])


def _card(number: str) -> str:
    # A slash would part the path, escaped or not.
    return path("cards", number.replace("/", ":"))


def _warn_of_readers(number: str) -> None:
    readers = api().get(_card(number))["readers"]
    if readers and not any(reader["reads"] for reader in readers):
        names = ", ".join(reader["device"] for reader in readers[:MAX_NAMED])
        more = f" and {len(readers) - MAX_NAMED} more" if len(readers) > MAX_NAMED else ""
        warn(f"none of the configured readers ({names}{more}) can read card {number}: is it typed right?")


@card.command("show")
def show(number: Number, form: Form = None) -> None:
    """Show a card under all its notations: whose it is, and which readers can read it."""
    found = api().get(_card(number), **{"as": form})
    if emit(found):
        return
    holder = f"{found['name']} (badge {found['badge']})" if found["badge"] else "no one"
    since = found["blocked"] and local(found["blocked"]["since"])
    shown = {"card": found["number"], "holder": holder, "assigned as": found["held_as"]}
    details(shown | _given("state", state_of(found)) | _given("blocked since", since or ""))
    words().print()
    table("", ("notation", "written"), [(row["kind"], row["text"]) for row in found["notations"]], "")
    words().print()
    rows = [(row["device"], row["portals"], row["reads"]) for row in found["readers"]]
    table("", ("reader", "portals", "can read it"), rows, "no readers yet; add one with: devicemgr device add")
    others = [meaning for meaning in found["meanings"] if meaning["number"] != found["number"]]
    for meaning in others:
        warn(f"as {meaning['form']}, {number} is card {meaning['number']}; see it with --as {meaning['form']}")


def _given(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


@card.command("block")
def block(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; kept with the card, not in the events.")] = "lost",
    form: Form = None,
    undo: Annotated[bool, typer.Option("--undo", help="End the block.")] = False,
) -> None:
    """Block a lost card: it opens nothing, and stays its holder's. `card unblock` or `card assign` ends the block."""
    if undo:
        _unblock(number, form)
        return
    found = api().call("PUT", f"{_card(number)}/block", params={"as": form} if form else None, json={"reason": reason})
    say(f"card {found['number']} of {named(found)} is blocked: it opens nothing any more", found)


@card.command("unblock")
def unblock(number: Number, form: Form = None) -> None:
    """End the block of a card, such as a lost one that was found. One that was replaced stays blocked."""
    _unblock(number, form)


def _unblock(number: str, form: str | None) -> None:
    found = api().call("DELETE", f"{_card(number)}/block", params={"as": form} if form else None)
    state = found["state"]
    note = (
        "opens again what they may"
        if state in ("active", "temporary")
        else f"is blocked no more, but {state_of(found)}"
    )
    say(f"card {found['number']} of {named(found)} {note}", found)


@card.command("replace")
def replace(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The card that is lost, damaged or stolen.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help=NUMBER_HELP)],
    reason: Annotated[
        Why | None, typer.Option(help="Why the old card is replaced; lost, unless it is blocked already.")
    ] = None,
    form: Form = None,
) -> None:
    """Block a card for good and give its holder another, in one step. --as says how the new number is written."""
    form = form or _meant(new)
    found = api().post(f"{_card(old)}/replacement", {"number": new, "as": form, "reason": reason})
    _warn_of_number(found)
    end = f" {ends(found['until'])}" if found["until"] else ""
    old = f"in place of card {found['replaced']}, which is blocked for good"
    say(f"card {found['number']} is {named(found)}'s{end}, {old}", found)


@card.command("return")
def return_(number: Number, form: Form = None) -> None:
    """Take a temporary card back before or after its end; the card that it stood in for opens again."""
    found = api().call("POST", f"{_card(number)}/return", params={"as": form} if form else None)
    usual = f"; card {', '.join(found['usual'])} opens again" if found["usual"] else ""
    say(f"card {found['number']} of {named(found)} is returned and opens nothing any more{usual}", found)


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
        rows = [(row["number"], row["badge"], row["name"], state_of(row)) for row in found]
        table(
            "",
            ("card", "badge", "name", "state"),
            rows,
            "no cards yet; give one with: devicemgr card assign BADGE NUMBER",
        )


@pin.command("set")
def set_(
    badge: Badge,
    from_stdin: Annotated[
        bool,
        typer.Option("--pin-stdin", "--password-stdin", help="Read it from standard input, as without a terminal."),
    ] = False,
    variable: Annotated[
        str | None, typer.Option("--pin-env", "--password-env", metavar="VAR", help="Take it from this variable.")
    ] = None,
    duress: Annotated[
        bool, typer.Option("--duress", help="A second PIN, which opens as the first and signals that they are forced.")
    ] = False,
) -> None:
    """Set a person's PIN, 4 to 8 digits: prompted without echo, or from standard input."""
    badge = api().get(path("people", badge))["badge"]
    body = {"pin": read_pin(from_stdin, variable), "duress": duress}
    say(f"{badge} has a {_PIN[duress]}", api().call("PUT", path("people", badge, "pin"), json=body))


_PIN = {False: "PIN", True: "duress PIN"}


@pin.command("remove")
def remove_pin(
    badge: Badge,
    duress: Annotated[bool, typer.Option("--duress", help="Only the duress PIN; it goes with the PIN too.")] = False,
) -> None:
    """Remove a person's PIN."""
    person = named(api().get(path("people", badge)))
    found = api().call("DELETE", path("people", badge, "pin"), params={"duress": duress or None})
    say(f"{person} has no {_PIN[duress]}", found)

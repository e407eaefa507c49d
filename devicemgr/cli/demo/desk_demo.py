"""`devicemgr demo --desk`: a simulated site with people who come and go, to look at in a browser."""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devicemgr.cli.demo.simulated_site import ENTRY, EXIT, HOLDERS, ROLES, UNKNOWN_CARD, SimulatedSite
from devicemgr.cli.demo.subprocesses import ending_cleanly
from devicemgr.cli.output import emit

_PACE_S = 4.0

Showing = tuple[str, str, int]
"""A portal, a card and a reader."""


def show_desk(say: Callable[[str], None], port: int | None = None) -> None:
    """Run the site until Ctrl-C; says where its desk is and who may sign in."""
    from devicemgr.api.desk.files import read_built  # noqa: PLC0415 - half a second that other commands need not pay

    folder = tempfile.TemporaryDirectory(prefix="devicemgr-demo-")
    with folder as place, ending_cleanly():
        try:
            with SimulatedSite(Path(place), port) as site:
                _introduce(site, say, is_built=bool(read_built()))
                sys.stdout.flush()  # a program that reads it would wait for good
                _live(site)
        except KeyboardInterrupt:
            say("the simulated site is gone, and everything of it")


def _introduce(site: SimulatedSite, say: Callable[[str], None], *, is_built: bool) -> None:
    operators = [{"name": role, "password": site.passwords[role]} for role in ROLES]
    if emit({"address": site.address, "operators": operators, "desk_built": is_built}):
        return
    if not is_built:
        say("the desk is not built here, and the page says so: make desk, then this again")
    say(f"the desk is at {site.address}")
    for operator in operators:
        say(f"sign in as {operator['name']:<11} with the password {operator['password']}")
    say("people come and go until Ctrl-C; nothing of this stays")


def _live(site: SimulatedSite) -> None:
    for portal, card, reader in showings(random.Random(7)):  # noqa: S311 - the same people in the same order
        site.show(portal, card, reader)
        deadline = time.monotonic() + _PACE_S
        while time.monotonic() < deadline:
            time.sleep(0.2)
            if site.daemon.process.poll() is not None:
                site.api.get("/status")  # raises with what the daemon said last


def showings(choice: random.Random) -> Iterator[Showing]:
    """Yield who shows a card where: people come in, go to the laboratory and back, and leave; some are refused."""
    place = dict.fromkeys((holder.badge for holder in HOLDERS), "outside")
    while True:
        holder = choice.choice(HOLDERS)
        is_researcher = "laboratory" in holder.levels
        if choice.random() < 0.08:
            yield "staff-entrance", UNKNOWN_CARD, ENTRY
        elif place[holder.badge] == "outside":
            place[holder.badge] = "building"
            yield choice.choice(("lobby", "staff-entrance")), holder.card, ENTRY
        elif place[holder.badge] == "lab":
            place[holder.badge] = "building"
            yield "lab-door", holder.card, EXIT
        elif choice.random() < 0.5:
            place[holder.badge] = "lab" if is_researcher else "building"  # no level of the others covers it
            yield "lab-door", holder.card, ENTRY
        else:
            place[holder.badge] = "outside"
            yield choice.choice(("lobby", "staff-entrance")), holder.card, EXIT

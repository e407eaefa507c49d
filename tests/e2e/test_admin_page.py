"""Walk the way of docs/admin.md by its own commands: a spreadsheet with ten faults, levels, holidays, leavers."""

import io
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cli import app, load_parts
from devicemgr.cli.app import run
from devicemgr.cli.context import Session
from drivers.sim.osdp.readers import SimulatedReaders

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "admin.md"
HEADING = "## From a spreadsheet to open doors"
MAX_COMMANDS = 14
KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")
CARD = bytes.fromhex("7186A61E")
COLUMNS = ("badge", "name", "levels", "cards", "valid_from", "valid_to", "department", "email")
# What is wrong in the row of each, and a word of what is said about it.
FAULTS: dict[int, tuple[dict[str, str], str]] = {
    11: ({"badge": "1,23457E+11"}, "rounded"),
    22: ({"badge": "22"}, "others have 4 digits with zeros in front"),
    33: ({"badge": "01.12.2026"}, "is a date"),
    44: ({"badge": "0045"}, "is in 2 rows"),
    55: ({"levels": "stuff"}, "devicemgr level add"),
    66: ({"email": "p66(at)example.com"}, "is not an e-mail address"),
    77: ({"valid_from": "31.12.2027", "valid_to": "01.12.2026"}, "ends before it begins"),
    88: ({"cards": "8O:50088"}, "no card number"),
    99: ({"cards": "80:50098"}, "is in line"),
    110: ({"name": ""}, "it has no name"),
}


def commands() -> list[list[str]]:
    """The commands of the page's walk, as words."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    return [shlex.split(line)[1:] for line in re.findall(r"^    (devicemgr .*)$", section, re.MULTILINE)]


def row(number: int) -> dict[str, str]:
    return {
        "badge": f"{number:04}",
        # One with a soft hyphen, as it comes with what is copied.
        "name": "Сотруд\u00adник 42" if number == 42 else f"Сотрудник {number}",
        "levels": "staff",
        "cards": "" if number == 120 else f"80:{50_000 + number}",
        "valid_from": "01.12.2026",
        "valid_to": "31.12.2027",
        "department": f"Отдел {number % 6}",
        "email": f"p{number}@example.com",
    }


def save(rows: list[dict[str, str]], columns: Sequence[str] = COLUMNS) -> None:
    """As a spreadsheet of Windows does where Russian is spoken."""
    lines = [";".join(columns), *(";".join(each[name] for name in columns) for each in rows)]
    Path("staff.csv").write_bytes("\r\n".join(lines).encode("cp1251"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReaders]:
    with SimulatedReaders({1: KEY}, tmp_path / "line") as found:
        yield found


@pytest.fixture
def site(box: Any, reader: SimulatedReaders, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the technician has left: a portal with a reader; the admin sits in the folder of the spreadsheet."""
    box.start()
    device = {"name": "main-reader", "driver": "osdp_reader", "address": reader.path, "options": {"unit": 1}}
    box.api().post("/devices", device | {"password": KEY.hex()})
    box.wait_for_event("device_online", device="main-reader")
    portal = {"name": "main", "gate": "main-reader", "entry": ["main-reader"], "require": "card"}
    box.api().post("/portals", portal)
    monkeypatch.chdir(box.folder)
    monkeypatch.setenv("DEVICEMGR_HOME", str(box.home.path))
    monkeypatch.setenv("COLUMNS", "200")
    return box


def typed(words: list[str], code: int = 0) -> str:
    """Run a command as the admin types it; what it says."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO())
        found = run(app, Session(load_parts), words)
    said = out.getvalue() + err.getvalue()
    assert found == code, f"{words}: {said}"
    return said


def shown(words: list[str], reader: SimulatedReaders) -> str:
    """Run `card assign --at` and show the card until it was taken."""
    with ThreadPoolExecutor() as pool:
        assigned = pool.submit(typed, words)
        while not assigned.done():
            reader.do(lambda: reader.units[1].card(CARD, 32))
            wait([assigned], timeout=0.5)
        return assigned.result()


def test_an_admin_who_reads_the_page_alone_comes_from_a_spreadsheet_to_leavers(
    site: Any, reader: SimulatedReaders
) -> None:
    walk = commands()
    assert len(walk) <= MAX_COMMANDS
    steps = iter(walk)

    def next_step(*begin: str, code: int = 0) -> str:
        words = next(steps)
        assert tuple(words[: len(begin)]) == begin, f"the page says {words}"
        return shown(words, reader) if begin == ("card", "assign") else typed(words, code)

    next_step("schedule", "add")
    next_step("level", "add")
    next_step("calendar", "add")
    next_step("calendar", "show")
    assert "would close" in next_step("schedule", "edit", code=4)
    next_step("schedule", "edit")

    save([row(number) | FAULTS.get(number, ({}, ""))[0] for number in range(1, 121)])
    plan = " ".join(next_step("person", "import", code=4).split())
    assert "cp1251" in plan
    for number, (_, said) in FAULTS.items():
        assert said in plan, f"fault {number}"
    assert "through 31 Dec 2027" in plan
    # The doubled badge costs the other row too, and so does the card of two people.
    assert "108 to add" in plan
    assert site.api().get("/people") == []

    save([row(number) for number in range(1, 121)])
    assert "120 added, 0 unchanged, 0 refused" in next_step("person", "import")
    people = {person["badge"]: person for person in site.api().get("/people")}
    assert people["0042"]["name"] == "Сотрудник 42"

    assert "0120" in next_step("card", "assign")
    assert len(site.api().get("/people/0120")["cards"]) == 1

    # Without the column of cards, as the page says: one of them is not in the spreadsheet.
    save([row(n) for n in range(6, 122)], [name for name in COLUMNS if name != "cards"])
    assert "5 to suspend" in next_step("person", "import", code=4)
    assert "1 added, 5 suspended" in next_step("person", "import")
    assert len(site.api().get("/people/0120")["cards"]) == 1
    assert "0005" in next_step("person", "list")
    assert "admin.person_suspended" in next_step("events")
    assert next(steps, None) is None

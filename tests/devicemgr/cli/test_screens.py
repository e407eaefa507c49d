"""docs/screens.md: what the listing commands print of one simulated site, at 80 and 120 columns, and without anything.

`make screens` writes the page; this test fails when it differs from what the commands print.
"""

import dataclasses
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.cli import app as frame
from devicemgr.cli.context import Session
from devicemgr.cli.transport.api_client import Api
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction
from devicemgr.site import site as sites
from devicemgr.store.people import people
from devicemgr.store.tables import CredentialRow
from drivers import Catalog

PAGE = Path(__file__).resolve().parents[3] / "docs" / "screens.md"
WRITE = os.environ.get("DEVICEMGR_WRITE_SCREENS") == "1"
WIDTHS = (80, 120)
AT = datetime.fromisoformat("2026-11-02T08:15:00+05:00")
ZONE = "Asia/Almaty"

PEOPLE = [
    ("Aigul Serikova", "1001", ["staff"], {"department": "Warehouse", "employee_id": "E-0001"}),
    ("Дәурен Қасымов", "1002", ["staff", "night-shift"], {"department": "Security", "phone": "+7 701 555 01 02"}),
    ("Maria-Magdalena von Hohenstein-Schwarzenberg", "1010", ["staff"], {"valid_to": "2098-12-31"}),
    ("李小龍", "C-7", ["visitors"], {"kind": "contractor", "valid_from": "2098-01-01", "host": "1001"}),
    ("Bolat Akhmetov", "V-20991231-00017", [], {"kind": "visitor", "valid_to": "2020-01-31"}),
]
SCREENS = {
    "person list": "People",
    "person show 1001": "One person",
    "card list": "Cards",
    "card show 80:58400": "One card",
    "level list": "Access levels",
    "level show staff": "One level",
    "department list": "Departments",
    "access try 1001 main --at 2098-11-03T10:00:00+05:00": "Whether a person would pass",
    "schedule list": "Schedules",
    "schedule show office": "One schedule",
    "calendar list": "Calendars",
    "calendar show kz": "One calendar",
    "portal list": "Portals",
    "portal show main": "One portal",
    "zone list": "Zones",
    "zone show yard": "One zone",
    "zone people yard": "Who is in a zone",
    "interlock list": "Interlocks",
    "device list": "Devices",
    "device show gate-1": "One device",
    "events --until 2026-11-02T23:00:00+05:00": "What happened at the entrances",
    "events --kind admin.* --limit 8": "What was changed",
    "status": "The daemon and what needs attention",
    "source list": "Sources of people",
    "operator list": "Operators",
    "operator requests": "What waits for a second admin",
}
EMPTY = [
    "person list",
    "card list",
    "level list",
    "department list",
    "source list",
    "zone list",
    "interlock list",
    "alarm list",
    "schedule list",
    "calendar list",
    "portal list",
    "device list",
    "events --portal main",
    "operator list",
    "operator requests",
]
HEAD = """\
# Screens

What the listing commands print, of a simulated site, in a terminal of 80 and of 120 columns. Where a table does not
fit, cells are wrapped between words, or each row becomes a card, so that a badge, card number or address can always be
copied whole. A pipe or a file gets a width of 200 columns; programs use `--json`. `make screens` writes this page, and
a test compares it with the commands.
"""

Run = Callable[..., str]


class SimulatedDaemon(DirectRuntime):
    """What a daemon would say of the devices of the site; nothing of it runs."""

    def status(self) -> dict[str, Any]:
        found = super().status()
        since = "2026-11-02T03:00:00.000Z"
        faults = {"cam-out": ("offline", "no answer from 192.0.2.12; check its cable and power")}
        for device in found["devices"]:
            state, cause = faults.get(device["name"], ("online", None))
            device.update(state=state, cause=cause, since=since)
        for portal in found["portals"]:
            portal.update(state="idle", door="closed" if portal["name"] == "main" else None)
        alarms = [
            {"kind": "device_offline", "device": "cam-out", "cause": faults["cam-out"][1], "since": since},
            {
                "kind": "portal_held_open",
                "portal": "dock",
                "device": "gate-2",
                "cause": "open for 60 s",
                "since": since,
            },
        ]
        alarms += [one for one in found["alarms"] if one["kind"] == "card_shared"]
        daemon = {"running": True, "ready": True, "version": "0.2.0", "uptime_s": 1.0, "stuck_threads": 0}
        ledger = {"seq": 41, "sealed_at": since}
        return found | {"daemon": daemon, "alarms": alarms, "ledger": ledger}


@pytest.fixture(scope="module")
def in_almaty() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", ZONE)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def run(home, parts, capsys, monkeypatch, in_almaty) -> Iterator[Run]:
    """run("person", "list", width=80) prints as in a terminal of that width, with a site opened once."""
    site = sites.open_site(home, dataclasses.replace(parts, catalog=Catalog()))
    api = Api(home, lambda: create_app(Context(site, SimulatedDaemon(site), os.getuid())))
    from cli import app

    def call(*arguments: str, width: int = 120) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        capsys.readouterr()
        session = Session(load_parts=lambda: parts, _api=api, yes=True)
        code = frame.run(app, session, list(arguments))
        out, err = capsys.readouterr()
        assert code == 0 or arguments[0] == "status", err
        return re.sub(r"\x1b\[[0-9;]*m", "", out)

    # A terminal, so that lines of events are folded.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    call.site = site  # type: ignore[attr-defined]
    yield call
    site.close()


def furnish(run: Run, photo: Callable[[str, str], Path]) -> None:
    """Make the site: everything through commands but the events of passages, whose times are fixed."""
    run("device", "add", "gate-1", "--driver", "modbus_gate", "--address", "/dev/gate/main", "--option", "profile=lot")
    run("device", "add", "gate-2", "--driver", "relay_gate", "--address", "/dev/gate/dock", "--option", "model=lcus")
    address = "rtsp://192.0.2.11:554/Streaming/Channels/101?transportmode=unicast"
    run("device", "add", "cam-in", "--driver", "rtsp_camera", "--address", address)
    run("device", "add", "cam-out", "--driver", "rtsp_camera", "--address", "rtsp://192.0.2.12/live")
    run("portal", "add", "main", "--gate", "gate-1", "--entry", "cam-in", "--exit", "cam-out")
    run("portal", "add", "dock", "--gate", "gate-2:1", "--fail", "safe")
    run(
        "calendar",
        "add",
        "kz",
        "2098-12-16 holiday Independence Day",
        "2098-12-31 short-day 09:00-16:00 New Year's Eve",
    )
    run("calendar", "add", "ours", "2099-03-21 working")
    hours = ("mon-fri 08:00-18:00", "sat 09:00-14:00")
    run("schedule", "add", "office", *hours, "--timezone", ZONE, "--holiday", "@kz", "--holiday", "2099-01-05")
    run("schedule", "add", "nights", "mon-fri 20:00-06:00", "--timezone", ZONE)
    run("level", "add", "staff", "--portal", "main", "--portal", "dock", "--schedule", "office")
    run("level", "add", "night-shift", "--portal", "dock", "--schedule", "nights")
    run("level", "add", "visitors", "--portal", "main")
    for name, badge, levels, details in PEOPLE:
        options = [part for field, value in details.items() for part in (f"--{field.replace('_', '-')}", value)]
        run("person", "add", name, "--badge", badge, *(part for one in levels for part in ("--level", one)), *options)
    run("person", "suspend", "1002")
    file = photo("aigul.jpg", "face:aigul:1")
    run("enroll", "photo", "1001", str(file), "--consent", "form-17", "--consent-until", "2098-06-30")
    run("enroll", "photo", "1010", str(photo("maria.jpg", "face:maria:1")), "--consent", "form-18")
    run("card", "assign", "1001", "80:58400")
    run("card", "assign", "1002", "04F0A1B2C380E7", "--as", "hex")
    run("card", "block", "04F0A1B2C380E7", "--reason", "lost on the way to work")
    run("zone", "add", "yard", "--max", "40")
    run("portal", "edit", "main", "--outside", "outside", "--inside", "yard")
    run("interlock", "add", "trap", "--portal", "main", "--portal", "dock")
    run("source", "add", "hr", "--file", "staff.csv", "--map", "Warehouse=staff", "--erase-after", "30")
    run("operator", "add", "saule", "--role", "admin", "--role", "auditor")
    run("operator", "add", "desk", "--role", "guard", "--os-user", "daemon")
    run("operator", "token", "desk", "--scope", "guard")
    record(run.site)  # type: ignore[attr-defined]


def record(site: sites.Site) -> None:
    """Record what happened at the entrances on one morning."""
    with site.database.write(changes_site=False) as session:
        ids = {badge: people.get(session, badge).id for badge in ("1001", "1002")}
        at = lambda seconds: AT + timedelta(seconds=seconds)  # noqa: E731
        main = {"portal": "main", "direction": Direction.ENTRY}
        facts = [
            Fact(Kind.ACCESS_GRANTED, at(0), **main, device="cam-in", person_id=ids["1001"]),
            Fact(
                Kind.PORTAL_UNLOCKED,
                at(0.1),
                **main,
                device="gate-1",
                person_id=ids["1001"],
                detail={"outcome": "sent"},
            ),
            Fact(Kind.PASSAGE_COMPLETED, at(2), **main, device="gate-1", person_id=ids["1001"]),
            Fact(Kind.ACCESS_DENIED, at(60), **main, device="cam-in", reason=Reason.UNKNOWN_FACE),
            Fact(Kind.ACCESS_DENIED, at(75), **main, device="cam-in", person_id=ids["1002"], reason=Reason.SUSPENDED),
            Fact(Kind.DEVICE_OFFLINE, at(90), device="cam-out", detail={"cause": "no answer from 192.0.2.12"}),
            Fact(Kind.PORTAL_HELD_OPEN, at(120), portal="dock", device="gate-2"),
        ]
        site.ledger.append(session, facts)
        # Version 0.1.0 let one card be assigned to two people, in two notations.
        session.add(CredentialRow(id="old", person_id=ids["1002"], kind="card", value="5301280", created="x"))


def settled(text: str) -> str:
    """Return a screen without what differs from run to run: times of today and ids, kept as wide as they are."""
    now = r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    fixed = AT.strftime("%Y-%m-%d %H:%M:%S")
    kept = lambda found: found[0] if found[0].startswith(f"{AT:%Y-%m-%d %H}") else fixed  # noqa: E731
    text = re.sub(r"\buid:[0-9]+", "uid:0", re.sub(now, kept, text))
    return re.sub(r"\b[0-9a-f]{8}\b(?= \(guard)", "5f0c1a2b", text)


def screen(run: Run, command: str, width: int) -> str:
    printed = settled(run(*command.split(), width=width))
    return "\n".join(line.rstrip() for line in printed.rstrip().splitlines())


def block(command: str, printed: str) -> str:
    return f"```\n$ devicemgr {command}\n{printed}\n```\n"


@pytest.fixture
def page(run, photo) -> SimpleNamespace:
    """The page, and each screen by its width."""
    empty = {command: screen(run, command, 80) for command in EMPTY}
    furnish(run, photo)
    shown = {(command, width): screen(run, command, width) for command in SCREENS for width in WIDTHS}
    parts = [HEAD]
    for command, title in SCREENS.items():
        parts.append(f"## {title}\n")
        narrow, wide = (shown[command, width] for width in WIDTHS)
        parts.append(f"In {WIDTHS[0]} columns{' and more' if narrow == wide else ''}:\n")
        parts.append(block(command, narrow))
        if narrow != wide:
            parts += [f"In {WIDTHS[1]} columns:\n", block(command, wide)]
    parts.append("## Where there is nothing yet\n")
    parts += [block(command, printed) for command, printed in empty.items()]
    return SimpleNamespace(text="\n".join(parts), shown=shown, empty=empty)


def test_the_page_shows_what_the_commands_print(page):
    if WRITE:
        PAGE.write_text(page.text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page.text, "look at the difference, then: make screens"
    too_wide = {
        f"{command} in {width}: {line}"
        for (command, width), printed in page.shown.items()
        for line in printed.splitlines()
        if cell_len(line) > width
    }
    assert too_wide == set()
    changed = page.shown["events --kind admin.* --limit 8", 80]
    assert [name for name in ("zone yard", "interlock trap", "source hr") if name not in changed] == []
    whole = [
        "rtsp://192.0.2.11:554/Streaming/Channels/101?transportmode=unicast",
        "V-20991231-00017",
        "1390477186400487",
    ]
    for width in WIDTHS:
        everything = "\n".join(page.shown[command, width] for command in SCREENS)
        assert [name for name in whole if name not in everything] == []
        for name, badge, *_ in PEOPLE:
            assert set(name.split()) <= set(page.shown["person list", width].split())
            assert badge in page.shown["person list", width].replace("\n", " ").split()

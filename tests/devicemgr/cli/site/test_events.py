"""`events`: filters, words, JSON lines, and a follow that outlives its daemon."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.server import ApiServer
from devicemgr.cli.site import events
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.schedules import find_zone

ROOT = Path(__file__).resolve().parents[4]
KEYS = {
    "seq",
    "id",
    "time",
    "kind",
    "portal",
    "direction",
    "device",
    "person",
    "reason",
    "request",
    "evidence",
    "latency_ms",
    "detail",
}


def test_a_misspelt_kind_is_told_beside_the_empty_answer(home, cli):
    ran = cli("events", "--kind", "access_grantd", "--json")
    assert (ran.code, ran.out) == (0, "")
    assert "did you mean access_granted?" in ran.err
    for kind in ("access_granted", "admin.level_added"):
        assert cli("events", "--kind", kind, "--json").err == ""


@pytest.fixture
def happened(home, done, site):
    """A morning: a grant for badge 7 at 08:00, a denial at 09:00, a device lost at 10:00, each in December 2026."""
    done("person", "add", "Aigul", "--badge", "7")
    from devicemgr.store.people import people

    def at(hour):
        return datetime(2026, 12, 1, hour, tzinfo=UTC)

    with site.database.write() as session:
        person = people.get(session, "7").id
        facts = [
            Fact(Kind.ACCESS_GRANTED, at(8), "main", Direction.ENTRY, "cam", person, request="r-1"),
            Fact(Kind.ACCESS_DENIED, at(9), "side", Direction.EXIT, "cam", reason="unknown_face"),
            Fact(Kind.DEVICE_OFFLINE, at(10), device="cam\x1b[31m", detail={"cause": "no answer\x1b[0m"}),
        ]
        site.ledger.append(session, facts)


def test_json_is_an_event_a_line_in_the_shape_of_the_interface(happened, cli):
    events = cli("events", "--json").lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    granted = events[1]
    assert set(granted) >= KEYS
    assert "person_id" not in granted
    assert (granted["kind"], granted["person"], granted["direction"], granted["time"]) == (
        "access_granted",
        "7",
        "entry",
        "2026-12-01T08:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        (["--portal", "side"], ["access_denied"]),
        (["--kind", "access_granted"], ["access_granted"]),
        (["--person", "7"], ["admin.person_added", "access_granted"]),
        (["--person", "8"], []),
        (["--since", "2026-12-01T09:00:00Z"], ["access_denied", "device_offline"]),
        (["--since", "2026-12-01T14:00:00+05:00", "--until", "2026-12-01T10:00:00Z"], ["access_denied"]),
        (["--limit", "1"], ["device_offline"]),
        (["--since", "2027-01-01"], []),
        (["--kind", "access_*"], ["access_granted", "access_denied"]),
        (["--kind", "admin.*"], ["admin.person_added"]),
        (["--kind", "access%*"], []),
        (["--q", "aig"], ["admin.person_added", "access_granted"]),
    ],
)
def test_filters(happened, cli, filters, kinds):
    found = [event["kind"] for event in cli("events", "--json", *filters).lines]
    if "2026-12-01" in str(filters):
        found = [kind for kind in found if not kind.startswith("admin.")]
    assert found == kinds


def test_words_are_local_plain_and_safe(happened, cli, monkeypatch):
    ran = cli("events", "--since", "2026-12-01T08:00:00Z", "--until", "2026-12-01T11:00:00Z")
    assert "\x1b" not in ran.out
    denied = next(line for line in ran.out.splitlines() if "access_denied" in line)
    local = datetime(2026, 12, 1, 9, tzinfo=find_zone("UTC")).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert denied.startswith(local)
    assert "side/exit" in denied
    assert "unknown_face" in denied
    assert cli("events", "--portal", "nowhere").out.strip() == "no events match"


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--limit", "0"], ["--limit", "x"]])
def test_filters_that_can_not_be(home, cli, arguments):
    assert cli("events", *arguments).code == (1 if "soon" in arguments else 2)


@pytest.fixture
def follow(home):
    """Starts `events --follow --json` as a process."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "cli", "events", "--follow", "--json", *arguments]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_following_outlives_the_daemon_and_ends_well_on_ctrl_c(home, site, done, follow):
    def serve():
        server = ApiServer(create_app(Context(site, DirectRuntime(site), os.getuid())), home.socket)
        server.start()
        return server

    server = serve()
    done("person", "add", "A", "--badge", "1")
    process = follow("--limit", "1")
    assert json.loads(process.stdout.readline())["person"] == "1"
    done("person", "add", "B", "--badge", "2")
    assert json.loads(process.stdout.readline())["person"] == "2"
    server.stop()
    done("person", "add", "C", "--badge", "3")
    assert json.loads(process.stdout.readline())["person"] == "3"
    server = serve()
    done("person", "add", "D", "--badge", "4")
    assert json.loads(process.stdout.readline())["person"] == "4"
    server.stop()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


def test_following_filters_and_starts_from_a_time(home, done, follow):
    done("person", "add", "A", "--badge", "1")
    process = follow("--kind", "admin.person_suspended", "--since", "2020-01-01")
    done("person", "suspend", "1")
    done("person", "resume", "1")
    done("person", "suspend", "1")
    seen = [json.loads(process.stdout.readline())["kind"] for _ in range(2)]
    assert seen == ["admin.person_suspended"] * 2


def test_a_reader_that_has_enough_ends_the_follow_quietly(home, done, follow):
    done("person", "add", "A", "--badge", "1")
    process = follow()
    process.stdout.readline()
    process.stdout.close()
    stopper = threading.Timer(60, process.kill)
    stopper.start()
    while process.poll() is None:
        done("person", "suspend", "1")
    stopper.cancel()
    assert process.returncode == 0
    assert process.stderr.read() == ""
    process.stdout = None


CAUSE = "no answer from unit 1 at /dev/gate/readers in 2 s; check power, wiring (A/B), baudrate and option unit"


@pytest.mark.parametrize("width", [80, 100, 60])
def test_on_a_terminal_a_long_cause_goes_on_below_and_starts_whole(width):
    event = {
        "seq": 1,
        "time": "2026-11-24T10:15:30+00:00",
        "kind": "device_offline",
        "portal": None,
        "direction": None,
        "device": "front-reader",
        "person": None,
        "reason": None,
        "detail": {"cause": CAUSE},
    }
    line = events._line(event)
    rows = events._folded(line, width).plain.split("\n")
    assert len(rows) > 1
    assert all(len(row) <= width for row in rows)
    assert all(row.startswith(" " * 21) for row in rows[1:])
    assert rows[1].strip().startswith("cause no answer from unit 1 at") or width < 65
    assert " ".join(" ".join(rows).split()) == " ".join(line.plain.split())


def test_words_without_a_blank_are_left_whole():
    event = {
        "seq": 1,
        "time": "2026-11-24T10:15:30+00:00",
        "kind": "device_offline",
        "portal": None,
        "direction": None,
        "device": "d",
        "person": None,
        "reason": None,
        "detail": {"cause": "x" * 200},
    }
    assert "x" * 200 in events._folded(events._line(event), 80).plain


def test_a_guard_sees_the_name_beside_the_badge(happened, done, cli):
    assert cli("events", "--kind", "access_granted", "--json").lines[0]["person_name"] == "Aigul"
    line = cli("events", "--kind", "access_granted").out
    assert "Aigul (badge 7)" in line
    done("person", "edit", "7", "--name", "Aigul B")  # the name of today, which the record does not hold
    assert "Aigul B (badge 7)" in cli("events", "--kind", "access_granted").out
    done("person", "erase", "7", "--yes")
    assert "Aigul" not in cli("events").out


def test_a_table_for_a_spreadsheet_holds_no_formula(happened, done, cli):
    done("person", "edit", "7", "--name", "=1+1")
    lines = cli("events", "--csv").out.splitlines()
    assert lines[0] == "seq,time,kind,portal,direction,device,person,person_name,reason,actor"
    granted = next(line for line in lines if "access_granted" in line)
    assert granted.startswith("2,2026-12-01T08:00:00.000Z,access_granted,main,entry,cam,7,'=1+1,")
    assert cli("events", "--csv", "--follow").code == 2

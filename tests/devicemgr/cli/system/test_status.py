"""`status`: its exit codes, names beside badges, and times in words."""

import pytest

from devicemgr.cli.output import lasting
from devicemgr.daemon.offline_runtime import DirectRuntime

PERSON = {"badge": "7", "name": "Aigul Serikova"}
ALARM = {"kind": "card_shared", "cause": "one card", "people": [PERSON, {"badge": "8"}]}


@pytest.fixture
def daemon(home, monkeypatch):
    """daemon(running, alarms) is what `status` finds."""
    found = DirectRuntime.status

    def stand(running, alarms):
        def status(self):
            answer = found(self)
            return answer | {"daemon": answer["daemon"] | {"running": running, "uptime_s": 93784.0}, "alarms": alarms}

        monkeypatch.setattr(DirectRuntime, "status", status)

    return stand


@pytest.mark.parametrize(("running", "alarms", "code"), [(True, [], 0), (True, [ALARM], 4), (False, [ALARM], 3)])
def test_the_exit_code_says_whether_alarms_stand(daemon, cli, running, alarms, code):
    daemon(running, alarms)
    assert [cli("status").code, cli("status", "--json").code] == [code, code]


def test_people_of_an_alarm_are_named(daemon, cli, done):
    daemon(True, [ALARM, {"kind": "device_offline", "device": "gate", "cause": "no answer"}])
    done("person", "add", "Aigul Serikova", "--badge", "7")
    out = cli("status").out
    assert "Aigul Serikova (badge 7), badge 8" in out
    assert "running for 1 d 2 h" in out
    assert [line for line in out.splitlines() if line.startswith("device_offline  gate")]


def test_outlets_are_shown_with_how_far_they_are_behind(daemon, cli, done, monkeypatch):
    assert "Outlets" not in cli("status").out
    done("outlet", "add", "siem", "--kind", "syslog", "--url", "syslog+tls://siem.example")
    assert "siem  syslog  1 event, " in cli("status").out
    failing = {"name": "siem", "kind": "syslog", "state": "failing", "cause": "siem.example is not reached"}
    found = DirectRuntime.status
    behind = {"lag_events": 12, "lag_s": 93784.0, "failing_since": None}
    monkeypatch.setattr(DirectRuntime, "status", lambda self: found(self) | {"outlets": [failing | behind]})
    out = cli("status").out
    assert "12 events, 1 d 2 h" in out
    assert "failing: siem.example is not reached" in out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (86400, "1 d"), (90061, "1 d 1 h")],
)
def test_a_length_of_time_in_words(seconds, words):
    assert lasting(seconds) == words

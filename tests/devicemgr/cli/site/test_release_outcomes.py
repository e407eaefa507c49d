"""What a guard and the record learn of a release (confirmed, sent, unknown), through real drivers and bytes."""

import dataclasses
import os
import pty
import tty

import pytest

from drivers import Catalog


@pytest.fixture
def parts(parts):
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def mute_board():
    """A serial port that swallows what is written to it, as the line of an LCUS board does."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), lambda: os.read(master, 100)
    os.close(master)
    os.close(slave)


def test_a_board_without_feedback_is_never_confirmed(home, cli, done, mute_board):
    address, received = mute_board
    done("device", "add", "lc", "--driver", "relay_gate", "--address", address, "--option", "model=lcus")
    done("portal", "add", "door", "--gate", "lc", "--release-seconds", "0.1")
    ran = cli("portal", "open", "door")
    assert bytes.fromhex("a0 01 01 a2") in received()
    assert ran.code == 0
    assert "sent, not confirmed" in ran.out
    assert done("portal", "open", "door")["outcome"] == "sent"
    unlocked = [e for e in cli("events", "--portal", "door", "--json").lines if e["kind"] == "portal_unlocked"]
    assert [event["detail"] for event in unlocked] == [{"outcome": "sent", "senses_passage": False}] * 2
    assert "outcome sent, not confirmed" in cli("events", "--portal", "door").out
    ran = cli("portal", "free", "door")
    assert ran.code == 0
    assert "sent, not confirmed" in ran.out
    freed = [e for e in cli("events", "--portal", "door", "--json").lines if e["kind"] == "portal_unlocked"][-1]
    assert freed["detail"] == {"mode": "free", "outcome": "sent"}


def test_a_channel_that_the_gate_has_not_is_refused_without_a_daemon_too(home, done, cli):
    """The gate's options say how many it has, so that no connection is needed."""
    options = ("--option", "model=lcus", "--option", "channels=2")
    done("device", "add", "two", "--driver", "relay_gate", "--address", "/dev/nothing", *options)
    ran = cli("portal", "add", "third", "--gate", "two:3")
    assert ran.code == 1
    assert "has channels 1 to 2, so that 3 would open nothing" in ran.err
    done("portal", "add", "second", "--gate", "two:2")
    ran = cli("portal", "edit", "second", "--gate", "two:5")
    assert ran.code == 1


def test_an_override_needs_its_reason_and_is_recorded(home, done, cli, mute_board):
    done("device", "add", "lc", "--driver", "relay_gate", "--address", mute_board[0], "--option", "model=lcus")
    done("portal", "add", "door", "--gate", "lc", "--release-seconds", "0.1")
    for half in (("--override", "interlock"), ("--reason", "a person is ill")):
        ran = cli("portal", "open", "door", *half)
        assert (ran.code, "--override and --reason go together" in ran.err) == (2, True)
    done("portal", "open", "door", "--override", "interlock", "--reason", "a person is ill")
    opened = [e for e in cli("events", "--portal", "door", "--json").lines if e["kind"] == "admin.portal_open"]
    assert [event["detail"] for event in opened] == [{"override": "interlock", "reason": "a person is ill"}]


def test_an_opening_into_a_full_zone_says_how_full_it_is(home, done, cli, mute_board):
    done("device", "add", "lc", "--driver", "relay_gate", "--address", mute_board[0], "--option", "model=lcus")
    done("zone", "add", "hall", "--max", "1")
    places = ("--outside", "outside", "--inside", "hall")
    done("portal", "add", "door", "--gate", "lc", "--release-seconds", "0.1", *places)
    assert "occupancy" not in cli("portal", "open", "door").out
    assert "; occupancy of hall: 2 of 1" in cli("portal", "open", "door").out
    assert done("portal", "open", "door")["occupancy"] == {"zone": "hall", "count": 3, "max": 1}
    assert "occupancy" not in cli("portal", "open", "door", "--direction", "exit").out

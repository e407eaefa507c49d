"""`device plan`, `device sync` and what `device show` says of what a device holds; without a daemon."""

import dataclasses

import pytest

import drivers
from devicemgr.domain.model import Capability
from devicemgr.domain.ports.device import Holding
from devicemgr.domain.ports.driver import Driver
from devicemgr.store.people import credentials, people
from drivers.sim.uhppote.controller import SimulatedUhppote
from tests.devicemgr.sync.holders import FakeHolder


@pytest.fixture
def box():
    return FakeHolder()


@pytest.fixture
def parts(parts, box):
    """The fakes of all tests, and a kind `fake_box` that keeps cards."""
    inner = parts.catalog

    class Catalog:
        def kinds(self):
            return [*inner.kinds(), "fake_box", "uhppote_controller"]

        def get(self, kind):
            if kind == "uhppote_controller":
                return drivers.Catalog().get(kind)
            if kind != "fake_box":
                return inner.get(kind)
            options = inner.get("fake_gate").options
            return Driver(kind, "A box", frozenset({Capability.GATE}), options, lambda _: box)

    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def house(site, done):
    done("device", "add", "box", "--driver", "fake_box", "--address", "udp://192.0.2.1")
    done("portal", "add", "main", "--gate", "box:2")
    done("level", "add", "staff", "--portal", "main")
    done("person", "add", "Anna", "--badge", "A1", "--level", "staff")
    with site.database.write() as session:
        credentials.assign_card(session, people.get(session, "A1"), "80:58400")


def test_the_difference_is_shown_and_then_brought_in_step(house, cli, done, box):
    box.kept["4711"] = Holding("4711", doors=frozenset({1}))
    ran = cli("device", "plan", "box", "--json")
    assert ran.code == 4
    (change,) = ran.json["changes"]
    assert (change["do"], change["key"], change["holds"]) == ("add", "8058400", None)
    assert change["should_hold"]["doors"] == [2]
    assert ran.json["unknown"] == ["4711"]
    assert box.told == []
    words = cli("device", "plan", "box")
    assert words.code == 4
    assert "8058400" in words.out
    assert "--prune" in words.out

    found = done("device", "sync", "box")
    assert (found["phase"], found["unknown"], found["holdings"]["held"]) == ("done", 1, 1)
    assert set(box.kept) == {"4711", "8058400"}
    assert cli("device", "plan", "box").code == 0
    assert done("device", "sync", "box", "--prune", "--yes")["unknown"] == 0
    assert set(box.kept) == {"8058400"}
    assert "holds what it should" in cli("device", "plan", "box").out
    assert [event["detail"] for event in cli("events", "--kind", "admin.device_sync", "--json").lines] == [
        {"device": "box", "prune": False},
        {"device": "box", "prune": True},
    ]


def test_a_change_is_told_by_what_changes(house, cli, done, box):
    done("device", "sync", "box")
    done("person", "edit", "A1", "--valid-to", "2031-01-01T00:00:00Z")
    ran = cli("device", "plan", "box")
    assert ran.code == 4
    assert "valid_to" in ran.out
    assert "doors" not in ran.out


def test_what_was_refused_is_shown_with_its_reason(house, cli, done, box):
    box.refuses = {"8058400"}
    ran = cli("device", "sync", "box")
    assert ran.code == 4
    assert "not to its taste" in ran.err
    held = done("device", "show", "box")["holds"]
    assert (held["failed"], held["failures"][0]["badge"]) == (1, "A1")
    assert "not to its taste" in cli("device", "show", "box").out


def test_revoked_people_are_shown_until_they_are_gone(house, cli, done, box):
    done("device", "sync", "box")
    assert done("person", "erase", "A1", "--yes")["devices"] == ["box"]
    found = cli("status", "--json").json
    assert found["devices"][0]["revoked"] == 1
    assert {"kind": "device_holds_revoked", "device": "box", "cause": "it still holds 1 revoked person"} in found[
        "alarms"
    ]
    assert done("device", "show", "box")["holds"]["to_remove"] == 1
    done("device", "sync", "box")
    assert box.kept == {}
    assert cli("status", "--json").json["devices"][0]["revoked"] == 0
    (record,) = cli("events", "--kind", "admin.erasure_completed", "--json").lines
    assert [place["place"] for place in record["detail"]["places"]] == ["this site's database", "box"]


def test_a_device_that_keeps_no_schedule_says_so(house, cli, done, box):
    done("schedule", "add", "day", "mon-fri 08:00-18:00")
    done("level", "revoke", "A1", "staff")
    done("level", "add", "shift", "--portal", "main", "--schedule", "day")
    done("level", "grant", "A1", "shift")
    ran = cli("device", "sync", "box")
    assert "does not keep by itself when day is open" in ran.err


def vacate(done):
    done("level", "revoke", "A1", "staff")
    done("level", "remove", "staff", "--yes")
    done("portal", "remove", "main", "--yes")


def test_a_device_that_holds_people_is_removed_after_a_wipe(house, cli, done, box):
    done("device", "sync", "box")
    vacate(done)
    ran = cli("device", "remove", "box", "--yes")
    assert ran.code == 1
    assert ran.error.startswith("error: box still holds 1 person")
    assert "--forget" in ran.error
    assert done("device", "list")[0]["name"] == "box"
    done("device", "sync", "box")
    assert box.kept == {}
    assert done("device", "remove", "box", "--yes")["left_people"] == 0
    (event,) = cli("events", "--kind", "admin.device_removed", "--json").lines
    assert event["detail"].pop("before")
    assert event["detail"] == {"device": "box", "left_people": 0}
    assert not cli("events", "--kind", "admin.person_left_on_device", "--json").lines


def test_whom_a_forgotten_device_holds_stands_in_the_erasure_s_record(house, cli, done, box):
    done("person", "add", "Boris", "--badge", "B2", "--level", "staff")
    done("card", "assign", "B2", "4712")
    done("device", "sync", "box")
    done("person", "erase", "B2", "--yes")
    done("level", "revoke", "A1", "staff")
    vacate(done)
    words = cli("device", "remove", "box", "--forget", "--yes")
    assert "still stores 2 people" in words.out + words.err
    (event,) = cli("events", "--kind", "admin.device_removed", "--json").lines
    assert event["detail"].pop("before")
    assert event["detail"] == {"device": "box", "left_people": 2}
    assert len(cli("events", "--kind", "admin.person_left_on_device", "--json").lines) == 2
    (erased,) = cli("events", "--kind", "admin.erasure_incomplete", "--json").lines
    assert erased["detail"]["left_on"] == ["box"]
    assert [place["place"] for place in erased["detail"]["places"]] == ["this site's database"]
    done("person", "erase", "A1", "--yes")  # who is erased later was left there too
    assert len(cli("events", "--kind", "admin.erasure_incomplete", "--json").lines) == 2
    assert not cli("events", "--kind", "admin.erasure_completed", "--json").lines


def test_a_device_that_is_away_or_keeps_nobody(house, cli, done, box):
    box.away = True
    assert cli("device", "plan", "box").code == 3
    ran = cli("device", "sync", "box")
    assert ran.code == 3
    assert "the cable is out" in ran.err
    done("device", "add", "arm", "--driver", "fake_gate", "--address", "/dev/x")
    assert "neither people nor cards" in cli("device", "plan", "arm").error
    ran = cli("device", "sync", "arm")
    assert ran.code == 1
    assert "nothing to sync" in ran.err
    assert cli("device", "plan", "nosuch").code == 1
    assert cli("device", "sync", "nosuch").code == 1


def test_a_real_controllers_cards_follow_the_people(house, cli, done):
    with SimulatedUhppote(423187757) as sim:
        number = ("--option", "controller=423187757")
        done("device", "add", "ctl", "--driver", "uhppote_controller", "--address", sim.address, *number)
        done("portal", "add", "side", "--gate", "ctl:3")
        done("level", "add", "sides", "--portal", "side")
        done("level", "grant", "A1", "sides")
        assert done("device", "sync", "ctl")["holdings"]["held"] == 1
        assert sim.card_numbers() == [8058400]
        assert (sim.swipe(8058400, 3), sim.swipe(8058400, 1)) == (True, False)
        done("person", "suspend", "A1")
        assert cli("device", "plan", "ctl").code == 4
        done("device", "sync", "ctl")
        assert sim.card_numbers() == []
        done("person", "resume", "A1")
        done("person", "edit", "A1", "--valid-to", "2031-06-01T15:30:00Z")
        done("device", "sync", "ctl")
        assert cli("device", "plan", "ctl").code == 0, "whole days of validity are as good as the hour, once put"
        assert sim.events.all("all deleted") == []


def test_a_card_that_another_program_changed_is_shown_and_replaced(house, cli, done):
    """A time profile, a PIN and a first-card flag, as uhppoted-lib-python writes them (put_card_request)."""
    with SimulatedUhppote(423187757) as sim:
        number = ("--option", "controller=423187757")
        done("device", "add", "ctl", "--driver", "uhppote_controller", "--address", sim.address, *number)
        done("portal", "add", "side", "--gate", "ctl:3")
        done("level", "add", "sides", "--portal", "side")
        done("level", "grant", "A1", "sides")
        done("device", "sync", "ctl")
        ((card, ours),) = sim.memory.cards
        sim.memory.cards = [(card, ours[:14] + b"\x1d\0" + b"\x6b\x1d\0" + b"\x04")]
        ran = cli("device", "plan", "ctl")
        assert ran.code == 4
        shown = "time profile 29 at door 3; a PIN; first card at door 3"
        assert shown in " ".join(ran.out.split())
        assert "7531" not in ran.out, "the PIN itself is shown to no one"
        (change,) = cli("device", "plan", "ctl", "--json").json["changes"]
        assert (change["do"], change["holds"]["name"], change["should_hold"]["name"]) == ("change", shown, "")
        done("device", "sync", "ctl")
        assert sim.memory.cards == [(card, ours)]
        assert cli("device", "plan", "ctl").code == 0

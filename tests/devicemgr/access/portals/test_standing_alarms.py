"""A daemon with a relay board on a simulated line: what a guard sees of a door that stands forced, until it is over."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.access.portals.standing_alarms import MAX_AGE, StandingAlarms
from devicemgr.api.context import Context
from devicemgr.api.routes.system.metrics import text_of
from devicemgr.daemon.service import Daemon
from devicemgr.domain.device_events import DeviceReported, DoorContact, GateAlarm, PassageCompleted
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.errors import InvalidInput
from devicemgr.site.portals import PortalFields, add_portal
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import conditions, devices as device_store
from devicemgr.store.tables import PortalRow
from drivers import Catalog
from drivers.sim.gates.relay_boards import SimulatedRelayBoard
from tests.devicemgr.access.portals.test_fire_by_events import Daemons, all_online, until
from tests.devicemgr.daemon.test_service import NoPool

DOOR, TAMPER = 1, 2


@pytest.fixture
def board(tmp_path: Any) -> Iterator[SimulatedRelayBoard]:
    with SimulatedRelayBoard("modbus", tmp_path / "relays") as made:
        yield made


@pytest.fixture
def daemons(
    make_site: Callable[[], Site], board: SimulatedRelayBoard, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Daemons]:
    """A portal `lobby` on a board with a door contact and a tamper switch."""
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    site = make_site()
    options = {"profile": "relay", "timeout": 0.1, "door_input": DOOR, "tamper_input": TAMPER, "held_seconds": 1}
    with site.database.write() as session:
        config = DeviceConfig("", "arm", "modbus_gate", str(board.path), options=options)  # type: ignore[arg-type]
        gate = device_store.add_device(session, site.vault, config)
        session.add(
            PortalRow(name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
        )
    made = Daemons(site)
    yield made
    made.stop()


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def standing(daemon: Daemon) -> list[tuple[str, Any]]:
    return [(alarm["kind"], alarm.get("portal")) for alarm in daemon.status()["alarms"]]


def door(daemon: Daemon) -> str | None:
    return {portal["name"]: portal["door"] for portal in daemon.status()["portals"]}["lobby"]


def of_kind(site: Site, kind: str) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return events.find(session, EventFilter(kind=kind), 99)


def begun(daemons: Daemons) -> Daemon:
    daemon = daemons.restart()
    until(lambda: all_online(daemon))
    until(lambda: door(daemon) == "closed")
    return daemon


def test_a_forced_door_is_an_alarm_until_it_is_closed_also_over_a_restart(
    daemons: Daemons, board: SimulatedRelayBoard
) -> None:
    daemon = begun(daemons)
    assert standing(daemon) == []
    board.relays.inputs[DOOR] = True
    until(lambda: ("portal_forced", "lobby") in standing(daemon))
    assert door(daemon) == "forced"
    metrics = text_of(Context(daemons.site, daemon, 0)).decode()
    assert 'devicemgr_portal_door{door="forced",portal="lobby"} 1.0' in metrics
    assert 'devicemgr_alarms_by_kind{kind="portal_forced"} 1.0' in metrics
    again = daemons.restart()
    assert ("portal_forced", "lobby") in standing(again), "kept as state"
    until(lambda: all_online(again))
    assert ("portal_forced", "lobby") in standing(again)
    board.relays.inputs[DOOR] = False
    until(lambda: ("portal_forced", "lobby") not in standing(again))
    assert door(again) == "closed"
    until(lambda: len(of_kind(daemons.site, Kind.ALARM_ENDED)) >= 1)
    assert len(of_kind(daemons.site, Kind.PORTAL_FORCED)) == 1


def test_a_door_that_was_closed_while_no_daemon_ran_is_no_alarm_any_more(
    daemons: Daemons, board: SimulatedRelayBoard
) -> None:
    daemon = begun(daemons)
    board.relays.inputs[DOOR] = True
    until(lambda: ("portal_forced", "lobby") in standing(daemon))
    daemons.stop()
    board.relays.inputs[DOOR] = False
    daemon = daemons.restart()
    until(lambda: standing(daemon) == [])


def test_a_tamper_switch_is_an_alarm_until_it_is_closed_and_no_mode_ends_it(
    daemons: Daemons, board: SimulatedRelayBoard
) -> None:
    daemon = begun(daemons)
    board.relays.inputs[TAMPER] = True
    until(lambda: ("tamper", "lobby") in standing(daemon))
    daemon.set_portal_mode("lobby", PortalMode.NORMAL, "uid:0")
    assert ("tamper", "lobby") in standing(daemon)
    board.relays.inputs[TAMPER] = False
    until(lambda: standing(daemon) == [])
    until(lambda: [event["detail"]["alarm"] for event in of_kind(daemons.site, Kind.ALARM_ENDED)] == ["tamper"])


def test_a_guards_mode_command_resets_a_forced_door(daemons: Daemons, board: SimulatedRelayBoard) -> None:
    daemon = begun(daemons)
    board.relays.inputs[DOOR] = True
    until(lambda: door(daemon) == "forced")
    assert daemon.set_portal_mode("lobby", PortalMode.NORMAL, "uid:0")["applied"] is True
    assert ("portal_forced", "lobby") not in standing(daemon)
    assert door(daemon) == "open"


def states(daemon: Daemon) -> dict[str, str]:
    return {portal["name"]: portal["state"] for portal in daemon.status()["portals"]}


def test_a_gate_that_is_away_and_a_channel_that_is_not_there_are_alarms_of_their_portals(
    daemons: Daemons, board: SimulatedRelayBoard
) -> None:
    with daemons.site.database.write() as session:
        session.add(
            PortalRow(
                name="side",
                gate_id=device_store.device(session, "arm").id,
                channel=7,
                fail="secure",
                release_seconds=5.0,
                mode="normal",
            )
        )
    daemon = daemons.restart()
    until(lambda: all_online(daemon))
    assert standing(daemon) == [("portal_channel_missing", "side")]
    assert states(daemon) == {"lobby": "idle", "side": "no_channel"}
    with pytest.raises(InvalidInput, match="channels 1 to 1"), unit_of_work(daemons.site, "uid:0") as work:
        add_portal(work, "third", PortalFields(gate="arm", channel=3), daemon.channels_of)
    board.unplug()
    until(lambda: ("portal_gate_offline", "lobby") in standing(daemon))
    assert door(daemon) is None, "what its door does is not known"
    assert states(daemon)["lobby"] == "offline"


class Alone:
    """Standing alarms on a site with the gate `arm` at the portal `lobby`."""

    def __init__(self, entrance: Any) -> None:
        self.entrance = entrance
        self.alarms = self.again()

    def again(self) -> StandingAlarms:
        """What a new daemon has."""
        self.entrance.events()
        site = self.entrance.site
        with site.database.read() as session:
            ids = {row.name: row.id for row in device_store.devices(session)}
            made = StandingAlarms(site.ledger, self.entrance.rules, ids.get)
            made.remember(session)
        return made

    def kinds(self) -> list[str]:
        return [alarm["kind"] for alarm in self.alarms.alarms()]


@pytest.fixture
def alone(make_site_in: Callable[..., Site], tmp_path: Any, catalog: Any) -> Iterator[Alone]:
    from tests.support.core import Entrance, FakeCatalog

    fakes = FakeCatalog()
    catalog.get = fakes.get  # the gate of the other tests
    site = make_site_in(tmp_path / "alone")
    site.ledger.start()
    yield Alone(Entrance(site, fakes.gate))
    site.ledger.stop()


def test_what_never_ends_by_itself_ends_by_a_mode_or_after_a_day(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    duress = GateAlarm(1, Kind.TAMPER, "duress at an access point")
    alone.alarms.on_fact("cam", duress)
    alone.alarms.on_fact("arm", duress)
    assert alone.kinds() == ["tamper", "tamper"]
    assert {alarm["portal"] for alarm in alone.alarms.alarms()} == {"lobby"}
    alone.alarms.reset("lobby")
    assert alone.kinds() == []
    alone.alarms.on_fact("arm", duress)
    alone.alarms.tick()
    assert alone.kinds() == ["tamper"]
    monkeypatch.setattr("devicemgr.access.portals.standing_alarms.MAX_AGE", timedelta(0))
    alone.alarms.tick()
    assert alone.kinds() == []
    with alone.entrance.site.database.read() as session:
        alone.entrance.events()
        assert list(conditions.standing(session)) == []


def test_an_arm_that_turned_without_a_release_is_an_alarm_and_no_open_door(alone: Alone) -> None:
    alone.entrance.pipeline.alarms = alone.alarms
    alone.entrance.pipeline._reports._alarms = alone.alarms
    alone.entrance.pipeline._passages._forced = alone.alarms.attach_passage
    alone.entrance.pipeline.on_device_fact("arm", PassageCompleted(1, Direction.ENTRY))
    assert alone.entrance.kinds() == ["portal_forced", "passage_completed"]
    assert [(alarm["kind"], alarm["portal"]) for alarm in alone.again().alarms()] == [("portal_forced", "lobby")]
    assert alone.alarms.door_of(alone.entrance.rules.current.portals["lobby"]) is None
    alone.alarms.reset("lobby")
    assert alone.kinds() == []


def test_a_repeated_state_is_no_event_and_an_end_without_a_beginning_is_none(alone: Alone) -> None:
    for active in (False, True, True, False, False):
        alone.alarms.on_fact("arm", GateAlarm(1, Kind.TAMPER, "case", active=active))
    assert alone.entrance.kinds() == ["tamper", "alarm_ended"]


def test_two_sources_of_one_kind_stand_each_by_itself(alone: Alone) -> None:
    for source in ("case", "reader"):
        alone.alarms.on_fact("arm", GateAlarm(1, Kind.TAMPER, source, active=True, input=source))
    alone.alarms.on_fact("arm", GateAlarm(1, Kind.TAMPER, "", active=False, input="case"))
    assert [alarm["cause"] for alarm in alone.again().alarms()] == ["reader"]


@pytest.mark.parametrize(("age", "kinds"), [(timedelta(0), ["portal_forced"]), (MAX_AGE * 2, [])])
def test_a_forced_door_in_a_devices_memory_stands_if_it_is_recent(
    alone: Alone, age: timedelta, kinds: list[str]
) -> None:
    report = DeviceReported(1, Kind.PORTAL_FORCED, 7, datetime.now(UTC) - age)
    alone.entrance.pipeline.alarms = alone.alarms
    alone.entrance.pipeline._reports._alarms = alone.alarms
    alone.entrance.pipeline.on_device_fact("arm", report)
    assert alone.entrance.kinds() == ["portal_forced"]
    alone.alarms = alone.again()
    assert alone.kinds() == kinds
    alone.alarms.on_fact("arm", DoorContact(1, is_open=False))
    assert alone.kinds() == []


def test_the_door_is_what_its_contact_and_its_alarms_say(alone: Alone) -> None:
    portal = alone.entrance.rules.current.portals["lobby"]
    told = []
    for fact in (
        DoorContact(1, is_open=False),
        DoorContact(1, is_open=True),
        GateAlarm(1, Kind.PORTAL_HELD_OPEN, active=True),
        GateAlarm(1, Kind.PORTAL_FORCED, active=True),
        DoorContact(1, is_open=False),
        DoorContact(1, None),
    ):
        alone.alarms.on_fact("arm", fact)
        told.append(alone.alarms.door_of(portal))
    assert told == ["closed", "open", "held_open", "forced", "closed", None]


def test_a_device_that_is_configured_anew_reports_its_states_anew(alone: Alone) -> None:
    config = DeviceConfig("1", "arm", "fake_gate", "x")
    alone.alarms.set_devices([config])
    alone.alarms.on_fact("arm", GateAlarm(1, Kind.TAMPER, "case", active=True))
    alone.alarms.set_devices([config])
    assert alone.kinds() == ["tamper"]
    alone.alarms.set_devices([DeviceConfig("1", "arm", "fake_gate", "y")])
    assert alone.kinds() == []

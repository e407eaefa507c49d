"""What stands in topics, states and discovery, and what does not."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.alarms import ALARM_KINDS, Alarm, begin
from devicemgr.outlets.commands import MAX_AHEAD, Action, Command, UsedIds
from devicemgr.outlets.mqtt import discovery
from devicemgr.outlets.mqtt.inbox import Unreadable, read
from devicemgr.outlets.mqtt.states import retained
from devicemgr.outlets.mqtt.topics import Topics, alarm_key, level
from devicemgr.outlets.site_view import Sight
from tests.devicemgr.outlets.mqtt.home_assistant import require_discovery

TOPICS = Topics("0123456789ab")
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
PORTAL = {"name": "main", "state": "idle", "mode": "normal", "effective_mode": "normal", "because": "default"}
PORTAL |= {"rule": None, "door": "closed", "gate": "arm", "since": "2026-12-01T08:00:00.000Z"}
SIGHT = Sight(
    {"main": PORTAL, "back-2.a": PORTAL | {"name": "back-2.a"}},
    {"hall": {"name": "hall", "count": 3, "max": 7, "unnamed": 1, "unsure": False}},
    {"arm": {"name": "arm", "kind": "sim", "state": "online", "cause": None, "since": "2026-12-01T08:00:00.000Z"}},
)


def alarm(kind, subject="main", **more):
    return Alarm(str(kind), subject, 2, True, "2026-12-01T08:00:00.000Z", 1, 7, **more)


@given(st.text(max_size=200))
def test_a_level_of_a_topic_has_no_wildcard_separator_or_control_character(text):
    found = level(text)
    assert re.fullmatch(r"[a-z0-9._-]+", found)
    assert len(found) < 100


def test_names_are_levels_as_they_are_and_others_stay_apart():
    assert level("back-2.a") == "back-2.a"
    assert len({level(text) for text in ("a/b", "a+b", "a#b", "A_B", "a_b", "a b")}) == 6


@pytest.mark.parametrize("kind", [kind for kind in ALARM_KINDS if ALARM_KINDS[kind].lasts])
def test_no_lasting_alarm_shows_a_badge_or_what_people_wrote(kind):
    """Each kind is begun by an event that has both wherever an event can have them."""
    detail = {"visit": "V-4711", "reason": "Anna was here", "cause": "Anna was here", "comment": "Anna", "active": True}
    names = {name: "the-part" for name in ("rule", "threat", "calendar", "outlet", "source", "input")}
    event = {"kind": kind, "time": "2026-12-01T08:00:00.000Z", "seq": 1, "detail": names | detail}
    found = begin(None, event | {"person": "V-4711"})
    shown = retained(Sight(alarms=(found,)), TOPICS)
    text = json.dumps({topic: payload.decode() for topic, payload in shown.items()})
    assert "Anna" not in text
    assert "V-4711" not in text.upper()
    assert len(shown) == 1


def test_alarms_of_visitors_are_one_with_their_number():
    late = [alarm(Kind.VISIT_OVERDUE, f"V{number}") for number in range(3)]
    (found,) = retained(Sight(alarms=late), TOPICS).values()
    assert (json.loads(found)["subject"], json.loads(found)["count"]) == (None, 3)
    assert alarm_key(late[0]) == "visit_overdue"


def test_portals_have_the_alarms_of_their_door_and_their_gate():
    sight = Sight(SIGHT.portals, alarms=(alarm(Kind.TAMPER, "arm"), alarm(Kind.PORTAL_FORCED, "back-2.a")))
    found = retained(sight, TOPICS)
    assert json.loads(found[TOPICS.portal("main")])["alarms"] == ["tamper"]
    assert json.loads(found[TOPICS.portal("back-2.a")])["alarms"] == ["portal_forced", "tamper"]


def test_states_have_what_is_written_and_nothing_else():
    found = {topic: json.loads(payload) for topic, payload in retained(SIGHT, TOPICS).items()}
    base = "devicemgr/0123456789ab/"
    assert found[f"{base}zone/hall"] == {"count": 3, "max": 7, "unsure": False}
    assert found[f"{base}device/arm"] == {"health": "online", "cause": None, "since": "2026-12-01T08:00:00.000Z"}
    keys = {"state", "mode", "effective_mode", "because", "door", "since", "alarms"}
    assert found[f"{base}portal/main/state"].keys() == keys
    assert retained(SIGHT, TOPICS, ["main"]).keys() == {f"{base}portal/main/state"}


@pytest.mark.parametrize("commands", [False, True])
def test_discovery_is_as_home_assistant_documents_it(commands):
    document = json.loads(discovery.message(SIGHT, TOPICS, discovery.Announced(commands)))
    require_discovery(document)
    found = document["components"]
    assert found.keys() >= {"portal_main_lock", "portal_main_event", "zone_hall_count", "device_arm_connectivity"}
    lock = found["portal_main_lock"]
    assert lock["platform"] == ("lock" if commands else "binary_sensor")
    assert {word for one in found.values() for word in one.get("event_types", ())} >= {"granted", "denied", "forced"}
    shown = {"states": retained(SIGHT, TOPICS), "available": TOPICS.available}
    for one in found.values():
        assert one["state_topic"] in shown["states"] or one["state_topic"] == TOPICS.event("+")
    assert document["availability"][0]["topic"] == TOPICS.available


def test_a_locks_command_is_one_of_ours_and_holds_no_secret():
    """Rendered as Home Assistant does: `value` and `code` are what the user gives, the rest are its own functions."""
    lock = discovery.components(SIGHT, TOPICS, discovery.Announced(True))["portal_main_lock"]
    actions = [lock[name] for name in ("payload_lock", "payload_unlock", "payload_open")]
    assert actions == ["lock", "normal", "open"]
    rendered = lock["command_template"]
    for expression, value in (
        ("{{ value | to_json }}", '"open"'),
        ("{{ code | to_json }}", '"dm_abc"'),
        ("{{ (utcnow().timestamp() * 1000000) | int }}", "1764576000000000"),
        ("{{ range(1000000000) | random }}", "999999999"),
        ("{{ (utcnow() + timedelta(seconds=8)).isoformat() }}", "2026-12-01T08:00:08.123456+00:00"),
    ):
        assert rendered.count(expression) == 1
        rendered = rendered.replace(expression, value)
    found = read("main", rendered.encode())
    assert (found.action, found.token, found.expires.second) == (Action.OPEN, "dm_abc", 8)
    assert re.fullmatch(lock["code_format"], "dm_" + "x" * 43)
    assert "dm_abc" not in repr(found)


def test_what_is_gone_is_removed_by_its_platform_alone():
    before = discovery.message(SIGHT, TOPICS, discovery.Announced(False))
    after = discovery.message(Sight(SIGHT.portals), TOPICS, discovery.Announced(False))
    between = json.loads(discovery.removal(after, before))
    assert between["components"]["zone_hall_count"] == {"platform": "sensor"}
    assert between["components"]["portal_main_door"]["unique_id"]
    assert discovery.removal(before, after) is None
    for foreign in (b"", b"[]", b"{", b'{"components": 3}', b'{"components": {"x": 3}}', b"[" * 100_000):
        assert discovery.removal(after, foreign) is None


def command(command_id, expires):
    return Command("main", Action.OPEN, command_id, expires, "dm_x")


def test_an_id_is_taken_once_for_as_long_as_it_could_come_again():
    used = UsedIds(NOW - MAX_AHEAD)
    first = command("a", NOW + timedelta(seconds=9))
    assert used.why_not(first, NOW) is None
    assert "used already" in used.why_not(first, NOW + timedelta(seconds=8))
    assert used.why_not(command("b", NOW + timedelta(seconds=9)), NOW) is None


def test_what_an_earlier_process_could_have_taken_is_refused():
    """Taken just before the start, a command expires at most the longest validity after it."""
    used = UsedIds(NOW)
    assert "just started" in used.why_not(command("a", NOW + MAX_AHEAD), NOW)
    assert used.why_not(command("a", NOW + MAX_AHEAD + timedelta(seconds=1)), NOW + timedelta(seconds=2)) is None


@given(
    st.binary(max_size=300)
    | st.text(max_size=100).map(str.encode)
    | st.builds(lambda n: b"[" * n, st.integers(0, 4000))
)
def test_no_message_raises_anything_but_that_it_is_no_command(payload):
    with pytest.raises(Unreadable):
        read("main", payload)

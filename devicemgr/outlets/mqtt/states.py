"""The retained messages that show a site's present states: portals, zones, devices and the alarms that are on.

No person stands in them: zones have counts, and alarms have no cause, for people write those.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from devicemgr.domain.rules.alarms import Alarm, is_about_a_person
from devicemgr.outlets.mqtt.topics import Topics
from devicemgr.outlets.site_view import Sight

Retained = dict[str, bytes]
"""By topic, what is kept there."""

_OF_PORTAL = ("state", "mode", "effective_mode", "because", "door", "since")


def encoded(document: Any) -> bytes:
    """Return a payload."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def retained(sight: Sight, topics: Topics, portals: Collection[str] = ()) -> Retained:
    """Return all states of the site, or, where portals are given, of these alone."""
    found = {
        topics.portal(name): encoded(_portal(name, state, sight))
        for name, state in sight.portals.items()
        if not portals or name in portals
    }
    found |= _alarms(sight, topics, portals)
    if portals:
        return found
    found |= {topics.zone(name): encoded(_zone(state)) for name, state in sight.zones.items()}
    return found | {topics.device(name): encoded(_device(state)) for name, state in sight.devices.items()}


def _portal(name: str, state: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    alarms = sorted({one.kind for one in sight.alarms if _is_at(one, name, state)})
    return {key: state.get(key) for key in _OF_PORTAL} | {"alarms": alarms}


def _is_at(alarm: Alarm, portal: str, state: Mapping[str, Any]) -> bool:
    if is_about_a_person(alarm.kind):
        return False
    # A device's own alarm is one of each portal that it moves; where it is at another portal, that is its subject.
    return alarm.subject == portal or alarm.subject == state.get("gate")


def _zone(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state.get(name) for name in ("count", "max", "unsure")}


def _device(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"health": state.get("state"), "cause": state.get("cause"), "since": state.get("since")}


def _alarms(sight: Sight, topics: Topics, portals: Collection[str]) -> Retained:
    """Return the alarms that are on; those of one key, such as of several visitors, with their number."""
    shown = [one for one in sight.alarms if not portals or (one.subject in portals and not is_about_a_person(one.kind))]
    numbers = Counter(topics.alarm(one) for one in shown)
    found: Retained = {}
    for alarm in sorted(shown, key=lambda one: one.since, reverse=True):  # the oldest of a key is shown
        topic = topics.alarm(alarm)
        subject = None if is_about_a_person(alarm.kind) else alarm.subject
        found[topic] = encoded(
            {
                "kind": alarm.kind,
                "subject": subject,
                "priority": alarm.priority,
                "since": alarm.since,
                "count": numbers[topic] if subject is None else alarm.count,
                "acknowledged": alarm.acknowledged is not None,
            }
        )
    return found

"""What Home Assistant learns of a site: one message for the device and all its entities.

Fields are those of Home Assistant's documentation (integrations MQTT, lock.mqtt, binary_sensor.mqtt, sensor.mqtt and
event.mqtt, 2026; "Device discovery payload" for the whole). Nothing secret stands in it, for it is kept by the broker:
a lock's command has the token that is entered in Home Assistant as the lock's code.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from devicemgr import __version__
from devicemgr.domain.ledger_events import Kind
from devicemgr.outlets.commands import Action
from devicemgr.outlets.mqtt.states import encoded
from devicemgr.outlets.mqtt.topics import Topics
from devicemgr.outlets.site_view import Sight
from devicemgr.security.passwords import TOKEN_START

EVENT_TYPES: Mapping[str, str] = {
    Kind.ACCESS_GRANTED: "granted",
    Kind.ACCESS_DENIED: "denied",
    Kind.PASSAGE_COMPLETED: "passed",
    Kind.PASSAGE_TIMED_OUT: "not_passed",
    Kind.PASSAGE_TAILGATED: "tailgated",
    Kind.PORTAL_FORCED: "forced",
    Kind.PORTAL_HELD_OPEN: "held_open",
    Kind.REX_PRESSED: "exit_button",
    Kind.TAMPER: "tamper",
}
"""What of the record is an event in Home Assistant, which knows nothing of persons: it keeps a history of its own."""

_PROBLEMS = (Kind.PORTAL_FORCED, Kind.PORTAL_HELD_OPEN, Kind.DEVICE_OFFLINE, Kind.DEVICE_DEGRADED)
_IS_OPEN = "value_json.effective_mode == 'free' or value_json.state in ['released', 'passing']"
# A command of Home Assistant is on its way for less than this, and a clock may be some seconds off.
_VALID_S = 8

Components = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Announced:
    """What an outlet gives out, as far as Home Assistant's entities depend on it."""

    commands: bool
    portals: Collection[str] = ()


def message(sight: Sight, topics: Topics, announced: Announced) -> bytes:
    """Return the discovery message."""
    return encoded(_document(topics, components(sight, topics, announced)))


def removal(wanted: bytes, before: bytes) -> bytes | None:
    """Return the message that has to come between two others, to remove what is not in the second; None for nothing.

    "An empty config can be published as an update to remove a single component […] adding the platform option is still
    required"; afterwards an update without it is sent (Home Assistant's MQTT page).
    """
    document, old = _read(wanted), _read(before)
    gone = old.get("components", {}).keys() - document.get("components", {}).keys()
    markers = {key: {"platform": platform} for key in gone if (platform := _platform(old["components"][key]))}
    if not markers:
        return None
    return encoded({**document, "components": document["components"] | markers})


def components(sight: Sight, topics: Topics, announced: Announced) -> Components:
    """Return all entities by their stable ids."""
    found: Components = {}
    for name in sight.portals:
        if not announced.portals or name in announced.portals:
            for kind, fields in _of_portal(name, topics, commands=announced.commands).items():
                found[f"portal_{name}_{kind}"] = fields
    if not announced.portals:
        found |= {f"zone_{name}_count": _zone(name, topics) for name in sight.zones}
        found |= {f"device_{name}_connectivity": _device(name, topics) for name in sight.devices}
    for key, fields in found.items():
        fields["unique_id"] = f"{topics.device_id}_{key}"
    return found


def _document(topics: Topics, found: Components) -> dict[str, Any]:
    return {
        "device": {
            "identifiers": [topics.device_id],
            "name": f"devicemgr {topics.site}",
            "manufacturer": "devicemgr",
            "model": "Access control",
            "sw_version": __version__,
        },
        "origin": {"name": "devicemgr", "sw_version": __version__},
        "availability": [
            {"topic": topics.available, "payload_available": "online", "payload_not_available": "offline"}
        ],
        "qos": 1,
        "components": found,
    }


def _of_portal(name: str, topics: Topics, *, commands: bool) -> Components:
    state = {"state_topic": topics.portal(name)}
    return {
        "lock": _lock(name, topics) if commands else _locked(name, topics),
        "mode": {
            "platform": "sensor",
            "name": f"{name} mode",
            "device_class": "enum",
            "options": ["normal", "locked", "free"],
            "value_template": "{{ value_json.effective_mode }}",
            **state,
        },
        "door": {
            "platform": "binary_sensor",
            "name": f"{name} door",
            "device_class": "door",
            "value_template": "{{ 'None' if value_json.door is none else "
            "'OFF' if value_json.door == 'closed' else 'ON' }}",
            **state,
        },
        "problem": _alarm(name, "problem", _PROBLEMS, state),
        "tamper": _alarm(name, "tamper", (Kind.TAMPER,), state),
        "event": {
            "platform": "event",
            "name": f"{name} event",
            "event_types": list(EVENT_TYPES.values()),
            "state_topic": topics.event("+"),
            "value_template": _event_template(name),
        },
    }


def _lock(name: str, topics: Topics) -> dict[str, Any]:
    """Return a lock whose code is an operator's token.

    Its `unlock` ends a guard's lock, and frees nothing: what opens a door to everyone is not behind a button.
    """
    return {
        "platform": "lock",
        "name": f"{name} lock",
        "state_topic": topics.portal(name),
        "value_template": "{{ 'UNLOCKED' if " + _IS_OPEN + " else 'LOCKED' }}",
        "command_topic": topics.command(name),
        "command_template": _command_template(),
        "code_format": f"^{TOKEN_START}[A-Za-z0-9_-]+$",
        "payload_lock": str(Action.LOCK),
        "payload_unlock": str(Action.NORMAL),
        "payload_open": str(Action.OPEN),
        "optimistic": False,
        "retain": False,
        "qos": 1,
    }


def _locked(name: str, topics: Topics) -> dict[str, Any]:
    """Return what stands in for a lock where no commands are taken: Home Assistant's lock needs a topic for them."""
    return {
        "platform": "binary_sensor",
        "name": f"{name} lock",
        "device_class": "lock",  # on is unlocked
        "state_topic": topics.portal(name),
        "value_template": "{{ 'ON' if " + _IS_OPEN + " else 'OFF' }}",
    }


def _command_template() -> str:
    """Return how a lock's command is written, with an id that is new each time and an expiry by its own clock."""
    command_id = "ha-{{ (utcnow().timestamp() * 1000000) | int }}-{{ range(1000000000) | random }}"
    expires = "{{ (utcnow() + timedelta(seconds=" + str(_VALID_S) + ")).isoformat() }}"
    return f'{{"action": {{{{ value | to_json }}}}, "id": "{command_id}", "expires": "{expires}", ' + (
        '"token": {{ code | to_json }}}'
    )


def _alarm(name: str, device_class: str, kinds: Collection[str], state: Mapping[str, Any]) -> dict[str, Any]:
    wanted = json.dumps([str(kind) for kind in kinds]).replace('"', "'")
    return {
        "platform": "binary_sensor",
        "name": f"{name} {device_class}",
        "device_class": device_class,
        "value_template": "{{ 'ON' if value_json.alarms | select('in', " + wanted + ") | list else 'OFF' }}",
        **state,
    }


def _event_template(name: str) -> str:
    """Return what makes an entity's event of an event of this portal, and nothing of all others."""
    types = json.dumps({str(kind): word for kind, word in EVENT_TYPES.items()}).replace('"', "'")
    shown = (
        "{'event_type': types[value_json.kind], 'seq': value_json.seq, 'direction': value_json.direction, "
        "'reason': value_json.reason}"
    )
    return (
        "{% set types = " + types + " %}"
        "{% if value_json.portal == '"
        + name
        + "' and value_json.kind in types %}{{ "
        + shown
        + " | to_json }}{% endif %}"
    )


def _zone(name: str, topics: Topics) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": f"{name} people",
        "state_topic": topics.zone(name),
        "value_template": "{{ value_json.count }}",
        "unit_of_measurement": "people",
        "state_class": "measurement",
        "json_attributes_topic": topics.zone(name),
    }


def _device(name: str, topics: Topics) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": f"{name} connectivity",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.device(name),
        "value_template": "{{ 'ON' if value_json.health in ['online', 'degraded'] else "
        "'None' if value_json.health == 'unknown' else 'OFF' }}",
        "json_attributes_topic": topics.device(name),
    }


def _read(payload: bytes) -> dict[str, Any]:
    """Return a message's document; an empty one for what is none of ours."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("components"), dict):
        return {}
    return found


def _platform(component: object) -> str | None:
    found = component.get("platform") if isinstance(component, dict) else None
    return found if isinstance(found, str) and found.isidentifier() else None

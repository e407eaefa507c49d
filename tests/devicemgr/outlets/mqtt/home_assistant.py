"""What Home Assistant's documentation says of a discovery message's fields, of those that are used here.

Source: home-assistant.io, integrations `mqtt` ("Device discovery payload"), `lock.mqtt`, `binary_sensor.mqtt`,
`sensor.mqtt`, `event.mqtt`, as of 2026; and `homeassistant/components/mqtt/schemas.py` of home-assistant/core
(DEVICE_DISCOVERY_SCHEMA, COMPONENT_CONFIG_SCHEMA, SHARED_OPTIONS).
"""

from typing import Any

_DEVICE = {"identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "sw_version"}
_DEVICE |= {"serial_number", "suggested_area", "via_device", "configuration_url"}
_ORIGIN = {"name", "sw_version", "support_url"}
_ROOT = {"device", "origin", "components", "availability", "availability_mode", "availability_template"}
_ROOT |= {"availability_topic", "command_topic", "state_topic", "payload_available", "payload_not_available", "qos"}
_ROOT |= {"encoding"}
_AVAILABILITY = {"topic", "payload_available", "payload_not_available", "value_template"}
_ENTITY = {"platform", "unique_id", "name", "icon", "entity_category", "enabled_by_default", "object_id", "qos"}
_ENTITY |= {"encoding", "json_attributes_topic", "json_attributes_template", "value_template", "state_topic"}
_OWN = {
    "lock": {"command_topic", "command_template", "code_format", "optimistic", "retain", "payload_lock"}
    | {"payload_unlock", "payload_open", "payload_reset", "state_locked", "state_unlocked", "state_jammed"},
    "binary_sensor": {"device_class", "payload_on", "payload_off", "expire_after", "force_update", "off_delay"},
    "sensor": {"device_class", "options", "unit_of_measurement", "state_class", "expire_after", "force_update"},
    "event": {"device_class", "event_types"},
}
_REQUIRED = {"lock": {"command_topic"}, "binary_sensor": {"state_topic"}, "sensor": {"state_topic"}}
_REQUIRED |= {"event": {"state_topic", "event_types"}}
_CLASSES = {
    "binary_sensor": {"door", "lock", "problem", "tamper", "connectivity"},  # of a longer list
    "sensor": {"enum"},
}


def require_discovery(document: dict[str, Any]) -> None:
    """Fail for a message that Home Assistant refuses, or of which it ignores something."""
    assert document.keys() <= _ROOT
    assert {"device", "origin", "components"} <= document.keys()
    assert document["device"].keys() <= _DEVICE
    assert document["device"]["identifiers"], "one identifying value"
    assert document["origin"].keys() <= _ORIGIN
    assert document["origin"]["name"]
    for one in document["availability"]:
        assert {"topic"} <= one.keys() <= _AVAILABILITY
    unique = [fields["unique_id"] for fields in document["components"].values()]
    assert len(unique) == len(set(unique))
    for fields in document["components"].values():
        _require_component(fields)


def _require_component(fields: dict[str, Any]) -> None:
    platform = fields["platform"]
    assert fields.keys() <= _ENTITY | _OWN[platform]
    assert _REQUIRED[platform] | {"unique_id"} <= fields.keys()
    if "device_class" in fields:
        assert fields["device_class"] in _CLASSES[platform]
    if fields.get("device_class") == "enum":
        assert fields["options"], "an enum needs its options, and no unit"
        assert "unit_of_measurement" not in fields
    assert fields.get("state_class") in (None, "measurement")
    assert fields.get("entity_category") in (None, "diagnostic")
    if platform == "lock":
        assert not fields["optimistic"]
        assert not fields["retain"]
        assert "+" not in fields["command_topic"]

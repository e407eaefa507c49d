"""What is shown of a duress signal to those who may not know of it: nothing that tells it from a PIN that was right.

Where a site has duress PINs, each PIN that is right is followed by an event of its own, `pin_verified`. A duress signal
is stored in that event's place and is shown as one, so no number is missing and no event stands out. What a console
signals by itself is shown as `device_reported`, of which its memory has many.
"""

from collections.abc import Mapping
from typing import Any

from devicemgr.domain.ledger_events import Kind

ABOUT_ALARMS = (str(Kind.ALARM_ACKNOWLEDGED), str(Kind.ALARM_ESCALATED), str(Kind.ALARM_ENDED))
"""Events that name the kind of an alarm in `detail.alarm`."""

# Words of a console's own memory, and what an admin's event says of the PIN that was set.
_WORD = "duress"


def is_alarm_of_duress(alarm_id: str) -> bool:
    """Return True for the id of a duress alarm, KIND:SUBJECT."""
    return alarm_id.partition(":")[0] == Kind.DURESS_SIGNALLED


def veiled_kind(event: Mapping[str, Any]) -> str:
    """Return the kind under which an event is shown to those who may not know of duress."""
    kind = str(event["kind"])
    if kind == Kind.DURESS_SIGNALLED:
        return str(Kind.PIN_VERIFIED if event.get("request") else Kind.DEVICE_REPORTED)
    is_about = kind in ABOUT_ALARMS and (event.get("detail") or {}).get("alarm") == Kind.DURESS_SIGNALLED
    return str(Kind.PIN_VERIFIED) if is_about else kind


def veiled(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as it is shown to those who may not know of duress."""
    kind = veiled_kind(event)
    if kind == event["kind"]:
        return _without_word(event)
    if event["kind"] == Kind.DURESS_SIGNALLED:
        serial = (event.get("detail") or {}).get("device_serial")
        detail = {"device_serial": serial} if kind == Kind.DEVICE_REPORTED and serial is not None else {}
        return {**event, "kind": kind, "detail": detail}
    return {**event, "kind": kind, "actor": None, "portal": None, "device": None, "detail": {}}


def _without_word(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event without the words by which a console or an admin's change names duress."""
    detail, evidence = event.get("detail") or {}, event.get("evidence") or {}
    console = evidence.get("console") or {}
    shown = {
        name: value
        for name, value in detail.items()
        if name != _WORD and not (name == "cause" and _WORD in str(value).casefold())
    }
    found = {**event, "detail": shown} if len(shown) != len(detail) else dict(event)
    if _WORD in str(console.get("method") or "").casefold():
        found["evidence"] = {**evidence, "console": {**console, "method": "PIN"}}
    return found

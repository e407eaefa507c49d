"""What leaves the box: which events an outlet gives out, and what of each of them.

An outlet gives out what tells who passed where: ids and badge numbers. Names, evidence such as scores, and what people
have written stay here unless its `fields` name them; nothing tells of PINs or of duress unless that is stated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devicemgr.domain.ledger_events import Kind, Reason, is_of_kind
from devicemgr.domain.rules.alarms import ALARM_KINDS, ENDERS
from devicemgr.domain.rules.duress.veil import ABOUT_ALARMS, veiled

ALARMS = "alarms"
"""The name of a group of kinds: what raises or ends an alarm, and what is recorded about one."""


class Extra(StrEnum):
    """What is given out only where an outlet's `fields` name it."""

    NAME = "name"
    EVIDENCE = "evidence"
    COMMENTS = "comments"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events, and what of them: kinds and portals, where none is all.

    A kind that ends with `*` is a group, and so is `ALARMS`.
    """

    kinds: tuple[str, ...] = ()
    portals: tuple[str, ...] = ()
    extras: frozenset[Extra] = frozenset()
    duress: bool = False


# What is written by people about people.
_WRITTEN = frozenset({"comment", "reason", "note"})
# Names of operators are no names of cardholders; what else is a name in a detail is one of the site's parts.
_NAMES = frozenset({"person_name", "host_name"})


def selected(event: Mapping[str, Any], selection: Selection) -> dict[str, Any] | None:
    """Return what an outlet gives out of an event, as `store.ledger.events` gives it with names; None for nothing."""
    shown = dict(event) if selection.duress else veiled(event)
    if shown["kind"] == Kind.PIN_VERIFIED:
        return None  # a fact about a PIN; and a duress signal looks like this to those who may not know of it
    if selection.kinds and not any(_is_of(shown["kind"], one) for one in selection.kinds):
        return None
    if selection.portals and shown["portal"] not in selection.portals:
        return None
    if Extra.EVIDENCE not in selection.extras:
        shown |= {"evidence": {}, "reason": _reason(shown["reason"])}
    if Extra.NAME not in selection.extras:
        shown = {key: value for key, value in shown.items() if key not in _NAMES}
    if Extra.COMMENTS not in selection.extras:
        detail = shown.get("detail") or {}
        shown["detail"] = {key: value for key, value in detail.items() if key not in _WRITTEN}
    return shown


def _is_of(kind: str, wanted: str) -> bool:
    if wanted == ALARMS:
        return kind in ALARM_KINDS or kind in ENDERS or kind in ABOUT_ALARMS
    return is_of_kind(kind, wanted)


def _reason(reason: str | None) -> str | None:
    """Return why access was denied, but for a PIN: that one was tried is known to this site alone."""
    return None if reason == Reason.WRONG_PIN else reason

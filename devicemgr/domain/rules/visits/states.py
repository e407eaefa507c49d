"""The states of a visit, and what a passage says of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.grants import takes_use
from devicemgr.domain.zones import OUTSIDE


class VisitState(StrEnum):
    """Where a visit stands."""

    EXPECTED = "expected"
    ARRIVED = "arrived"
    INSIDE = "inside"
    OVERDUE = "overdue"
    LEFT = "left"
    CANCELLED = "cancelled"


class VisitEnd(StrEnum):
    """How a visit ended."""

    DESK = "desk"  # `visitor leave`
    CARD_RETURNED = "card_returned"  # a portal has collected the card
    CANCELLED = "cancelled"
    MISSED = "missed"  # the visitor did not come


def state_of(arrived: str | None, ended: str | None, how: str | None, *, is_inside: bool, is_over: bool) -> VisitState:
    """Return the state of a visit; `is_over` once its time has ended.

    One who has not come by then is no longer expected, and is not overdue either.
    """
    if ended is not None:
        return VisitState.CANCELLED if how in (VisitEnd.CANCELLED, VisitEnd.MISSED) else VisitState.LEFT
    if arrived is None:
        return VisitState.CANCELLED if is_over else VisitState.EXPECTED
    if is_over:
        return VisitState.OVERDUE
    return VisitState.INSIDE if is_inside else VisitState.ARRIVED


def is_passage(event: Mapping[str, Any]) -> bool:
    """Return True for an event by which a person has passed: also one whom a device let in by itself."""
    detail = event.get("detail") or {}
    is_alone = detail.get("decided_by") == "console" and not detail.get("awaits_passage")
    return takes_use(event) or (event.get("kind") == Kind.ACCESS_GRANTED and is_alone)


def leads_inside(portal: Portal, direction: Direction | None, *, has_zones: bool) -> bool | None:
    """Return whether a passage leads into the site; None where it says nothing.

    Where the site has zones, a portal without zones is a door within or beside it.
    """
    if portal.inside is not None and portal.outside is not None:
        return (portal.outside if direction is Direction.EXIT else portal.inside) != OUTSIDE
    return None if has_zones else direction is not Direction.EXIT

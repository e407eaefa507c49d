"""A floor of the tests: a building with a lobby and a lab behind it, and events of its ledger."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.model import AccessPoint, Direction, Portal
from devicemgr.domain.rules.areas.fold import fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import OUTSIDE, Zone

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
UNKNOWN = None


def door(name: str, outside: str, inside: str, **more: Any) -> Portal:
    """A portal with a reader on both sides."""
    points = tuple(AccessPoint(name, side, f"{name}-{side}") for side in Direction)
    return Portal(name, f"gate-{name}", access_points=points, outside=outside, inside=inside, **more)


PORTALS = {
    portal.name: portal
    for portal in (
        door("main", OUTSIDE, "lobby"),
        door("side", OUTSIDE, "lobby"),
        door("lab-door", "lobby", "lab"),
        door("store-door", "lobby", "store"),
        door("store-lab", "store", "lab"),
        Portal("shed", "gate-shed"),
    )
}


def zones(**settings: Mapping[str, Any]) -> dict[str, Zone]:
    """building > lobby > lab, building > store; each with the settings given by its name."""
    tree = {"building": None, "lobby": "building", "lab": "lobby", "store": "building"}
    return {name: Zone(name, parent, **settings.get(name, {})) for name, parent in tree.items()}


def zone_map(**settings: Mapping[str, Any]) -> ZoneMap:
    return ZoneMap(zones(**settings), PORTALS)


class Book:
    """A ledger that numbers and times its events, one a minute from noon on."""

    def __init__(self, **settings: Mapping[str, Any]) -> None:
        self.zones = zone_map(**settings)
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, portal: str | None = None, direction: Direction | None = ENTRY, **more: Any) -> None:
        seq = len(self.events) + 1
        time = more.pop("time", NOON + timedelta(minutes=seq))
        detail = more.pop("detail", {})
        self.events.append(
            {
                "seq": seq,
                "id": f"event-{seq}",
                "kind": kind,
                "time": time.isoformat(),
                "portal": portal,
                "direction": str(direction) if portal and direction else None,
                "device": more.get("device"),
                "person_id": more.get("person"),
                "request": more.get("request"),
                "detail": detail,
            }
        )

    def grant(self, person: str, portal: str, direction: Direction = ENTRY, request: str | None = None) -> str:
        request = request or f"request-{len(self.events) + 1}"
        self.add("access_granted", portal, direction, person=person, request=request)
        return request

    def passes(self, person: str, portal: str, direction: Direction = ENTRY) -> None:
        request = self.grant(person, portal, direction)
        self.add("portal_unlocked", portal, direction, request=request, detail={"outcome": "confirmed"})
        self.add("passage_completed", portal, direction, request=request)

    def slips(self, portal: str, direction: Direction = ENTRY) -> None:
        """Someone passes without a request."""
        self.add("passage_completed", portal, direction)

    @property
    def state(self) -> Whereabouts:
        return fold_all(NOWHERE, self.events, self.zones)

    def where(self, person: str) -> str | None:
        place = self.state.where.get(person)
        return place.zone if place else None

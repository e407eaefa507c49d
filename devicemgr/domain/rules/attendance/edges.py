"""When gates at the edge of a zone were away, so that people may have passed them unseen."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.areas.draft import instant
from devicemgr.domain.rules.areas.fold import Event, follow
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.attendance.stays import Flag, Stay, Stays

_NEVER = datetime.max.replace(tzinfo=UTC)


class Edges:
    """Times in which devices were away, taken from their events as they go by."""

    def __init__(self, gates: Mapping[str, frozenset[str]]) -> None:
        self._gates = gates
        self._devices = frozenset[str]().union(*gates.values()) if gates else frozenset[str]()
        self._away: dict[str, datetime] = {}
        self._spans: dict[str, list[tuple[datetime, datetime]]] = {}

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass the events on, and note those of devices at an edge."""
        for event in events:
            kind = event.get("kind")
            if kind in (Kind.DEVICE_OFFLINE, Kind.DEVICE_ONLINE) and event.get("device") in self._devices:
                self._note(str(event["device"]), instant(event.get("time")), is_away=kind == Kind.DEVICE_OFFLINE)
            yield event

    def _note(self, device: str, at: datetime | None, *, is_away: bool) -> None:
        if at is None:
            return
        if is_away:
            self._away.setdefault(device, at)
        elif (since := self._away.pop(device, None)) is not None:
            self._spans.setdefault(device, []).append((since, at))

    def marked(self, stay: Stay) -> Stay:
        """Return the stay, flagged as unsure if a gate at the edge was away within it."""
        since, until = stay.known_from, stay.known_to or _NEVER
        for device in self._gates.get(stay.group, ()):
            away = self._away.get(device)
            spans = self._spans.get(device, [])
            place = bisect_right(spans, since, key=lambda span: span[1])
            if (place < len(spans) and spans[place][0] < until) or (away is not None and away < until):
                return replace(stay, flags=stay.flags | {Flag.UNSURE})
        return stay


def stays_in(
    events: Iterable[Event],
    zones: ZoneMap,
    groups: Mapping[str, str],
    gates: Mapping[str, frozenset[str]],
    until: datetime,
) -> Iterator[Stay]:
    """Yield the stays in groups of zones (by zone), by events in the order of their time.

    `gates` has the gates at the edge of each group. What comes behind `until` is read only as long as a stay from
    before it has not ended.
    """
    edges, stays = Edges(gates), Stays(zones, lambda zone: groups.get(zone or ""))
    for movement in follow(edges.watch(events), zones):
        for stay in stays.take(movement):
            yield edges.marked(stay)
        if movement.event.time >= until and not stays.is_any_open(until):
            return
    for stay in stays.rest():
        yield edges.marked(stay)

"""Which portals are shut, for their interlocks; who waits for that; and an alarm when two of a group are open."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.rules.areas.interlock import PortalState, groups_of, why_not_shut
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.zones import Interlock

# A face may request again for as long; a person who walks away makes no request.
_WAITS_S = 60.0
# What keeps a portal from being shut without letting anyone through.
_IS_NO_OPENING = frozenset({"offline", "reserved", "settling"})
_DOOR_OPEN = frozenset({"open", "forced", "held_open"})

Side = tuple[str, Direction]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person who was refused at a side only because another portal was not shut."""

    person_id: str
    portal: str
    direction: Direction
    until: float


class Interlocks:
    """For the dispatcher's thread.

    `state_of` gives the state of a portal's lane, `door_of` that of its contact, `is_reserved` whether a grant holds
    it, `is_away` whether a device is away.
    """

    def __init__(
        self,
        rules: Rulebook,
        state_of: Callable[[str], str],
        door_of: Callable[[str], str | None],
        is_reserved: Callable[[str], bool],
        is_away: Callable[[str], bool],
        record: Callable[[Fact], None],
    ) -> None:
        self._rules = rules
        self._state_of = state_of
        self._door_of = door_of
        self._is_reserved = is_reserved
        self._is_away = is_away
        self._record = record
        self._moved: dict[str, float] = {}
        self._open: set[str] = set()
        self._broken: set[str] = set()
        self._waiting: dict[tuple[str, str, Direction], Waiting] = {}

    def not_shut(self, portal: str, rules: Snapshot) -> dict[str, str]:
        """Return the portals interlocked with this one that are not shut, and why."""
        found: dict[str, str] = {}
        for group in groups_of(portal, rules):
            for name in group.portals - {portal}:
                why = self._why_not_shut(name, rules, group.settle_seconds)
                if why is not None:
                    found[name] = why
        return found

    def as_seen(self, portal: str, rules: Snapshot) -> dict[str, str]:
        """As `not_shut`, without noting what was seen; any thread."""
        found = {}
        for group in groups_of(portal, rules):
            for name in group.portals - {portal}:
                moved = self._moved.get(name)
                is_settling = moved is not None and time.monotonic() - moved < group.settle_seconds
                why = self._why_at_rest(name, rules) or ("settling" if is_settling else None)
                if why is not None:
                    found[name] = why
        return found

    def stamp(self, portal: str) -> None:
        """Note that a portal has just ceased to be held or open: it settles from now on."""
        self._moved[portal] = time.monotonic()

    def _why_not_shut(self, name: str, rules: Snapshot, settle_s: float) -> str | None:
        now, why = time.monotonic(), self._why_at_rest(name, rules)
        if why is not None:
            self._moved[name] = now
            return why
        moved = self._moved.get(name)
        return "settling" if moved is not None and now - moved < settle_s else None

    def _why_at_rest(self, name: str, rules: Snapshot) -> str | None:
        portal = rules.portals.get(name)
        if portal is None:
            return None
        return why_not_shut(
            PortalState(
                lane=self._state_of(name),
                door=self._door_of(name),
                is_free=self._rules.mode_apart_from_fire(portal).mode is PortalMode.FREE,
                is_reserved=self._is_reserved(name),
                is_away=self._is_away(portal.gate),
            )
        )

    def wait(self, person_id: str, portal: str, direction: Direction) -> None:
        """Note a person who stands at a portal until the others of its groups are shut."""
        until = time.monotonic() + _WAITS_S
        self._waiting[person_id, portal, direction] = Waiting(person_id, portal, direction, until)

    def tick(self, now: float) -> list[Waiting]:
        """Follow the portals of all groups; return who may request again."""
        rules = self._rules.current
        members = {name for group in rules.interlocks.values() for name in group.portals}
        opened = {name for name in members if self._is_open(name)}
        newly, self._open = opened - self._open, opened
        for group in rules.interlocks.values():
            self._follow(group, rules, opened & group.portals, newly & group.portals)
        over = [one for one in self._waiting.values() if one.until <= now or not self.not_shut(one.portal, rules)]
        for one in over:
            del self._waiting[one.person_id, one.portal, one.direction]
        return [one for one in over if one.until > now]

    def _follow(self, group: Interlock, rules: Snapshot, opened: set[str], newly: set[str]) -> None:
        whys = {name: self._why_not_shut(name, rules, group.settle_seconds) for name in sorted(group.portals)}
        for name in sorted(newly):
            self._look(group, name, whys, rules)
        if len(opened) < 2:
            self._broken.discard(group.name)

    def _is_open(self, name: str) -> bool:
        return self._door_of(name) in _DOOR_OPEN or self._state_of(name) == "passing"

    def opened(self, portal: str) -> None:
        """Note that a portal opens without a decision: a button at its exit, or an arm that was forced."""
        rules = self._rules.current
        for group in groups_of(portal, rules):
            whys = {name: self._why_not_shut(name, rules, group.settle_seconds) for name in sorted(group.portals)}
            self._look(group, portal, whys, rules)

    def _look(self, group: Interlock, opened: str, whys: dict[str, str | None], rules: Snapshot) -> None:
        others = {name: why for name, why in whys.items() if name != opened and why not in (None, *_IS_NO_OPENING)}
        if not others or rules.fire_active or group.name in self._broken:
            return
        self._broken.add(group.name)
        self._record(
            Fact(
                Kind.INTERLOCK_BROKEN,
                datetime.now(UTC),
                portal=opened,
                detail={"rule": group.name, "not_shut": dict(others)},
            )
        )

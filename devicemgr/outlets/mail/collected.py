"""What is to be mailed, by groups: the first event of a group leaves at once, what follows it within 5 min together.

Kept in the outlet's state, which is stored with its cursor in one transaction: what is held here is behind the cursor
and not yet mailed, so that a kill at any moment loses none of it. Only the first and last numbers of a group are kept;
the events are read from the record when their mail is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devicemgr.outlets.mail.news import News, Phase

PACE_S = 300.0
"""At most one mail of a group in so long."""

MAX_OPEN = 500
"""Alarms whose end is waited for; the end of older ones is not mailed."""

_MAX_LEFT = 500


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one group that wait: those from `first` to `through`, but for the ones in `left`."""

    name: str
    first: int
    through: int
    left: frozenset[int]
    tries: int


class Collected:
    """Groups of events in a state of JSON values, which it changes in place; times are seconds of the epoch."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._groups: dict[str, dict[str, Any]] = state.setdefault("collected", {})
        self._open: dict[str, int] = state.setdefault("open", {})

    def add(self, seq: int, news: News, *, alarms_only: bool) -> bool:
        """Hold an event until its mail; return False for one that is not mailed.

        Of alarms their beginnings are, their want of an acknowledgment, and their ends where the beginning was.
        """
        was_open = [one for one in news.ended if self._open.pop(one, None) is not None]
        if news.alarm is not None:
            self._open[news.alarm] = seq
            if len(self._open) > MAX_OPEN:
                del self._open[next(iter(self._open))]
        group = self._groups.get(news.group)
        if alarms_only and not was_open and news.phase not in (Phase.BEGUN, Phase.WAITS):
            if group is not None and group["first"] is not None:
                group["left"] = [*group.get("left", ()), seq][:_MAX_LEFT]
            return False
        if group is None:
            group = self._groups[news.group] = {"first": None, "through": 0, "next": 0.0, "priority": news.priority}
        if group["first"] is None:
            group |= {"first": seq, "priority": news.priority}
        group["through"] = max(seq, group["through"])
        group["priority"] = min(group["priority"], news.priority)
        return True

    def due(self, now: float) -> list[Group]:
        """Return what may leave now, the most urgent first."""
        found = [(one["priority"], one["first"], name) for name, one in self._waiting() if self._wait(one, now) <= 0]
        return [self._group(name) for _, _, name in sorted(found)]

    def wait_s(self, now: float) -> float | None:
        """Return in how many seconds something may leave; None while nothing waits."""
        return min((max(0.0, self._wait(one, now)) for _, one in self._waiting()), default=None)

    def sent(self, name: str, through: int, now: float) -> None:
        """Forget what was mailed, up to an event; what is behind it waits for the next mail."""
        group = self._groups[name]
        rest = through + 1 if through < group["through"] else None
        left = [seq for seq in group.pop("left", ()) if seq > through]
        group |= {"first": rest, "next": now + PACE_S} | ({"left": left} if left else {})
        group.pop("tries", None)

    def put_off(self, name: str, until: float) -> None:
        """Count a refusal of what is due; it is tried again at a time."""
        group = self._groups[name]
        group |= {"tries": group.get("tries", 0) + 1, "next": until}

    def forget_old(self, now: float) -> None:
        """Forget groups of which nothing waits and the next may leave at once."""
        for name in [name for name, one in self._groups.items() if one["first"] is None and one["next"] <= now]:
            del self._groups[name]

    def _waiting(self) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((name, one) for name, one in self._groups.items() if one["first"] is not None)

    def _group(self, name: str) -> Group:
        one = self._groups[name]
        return Group(name, one["first"], one["through"], frozenset(one.get("left", ())), one.get("tries", 0))

    @staticmethod
    def _wait(group: dict[str, Any], now: float) -> float:
        """Return in how many seconds a group may leave; a clock that was set back holds nothing longer."""
        return min(float(group["next"]) - now, PACE_S)

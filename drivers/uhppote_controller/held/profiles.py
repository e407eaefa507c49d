"""Weekly hours as a UHPPOTE controller keeps them: time profiles, up to three spans on some weekdays, in a chain.

A card opens a door while any profile of the chain is open, through the last minute that each span names (uhppote-core,
messages/set_time_profile.go; uhppote-simulator, actions.go: checkTimeProfile). A profile that is not there lets its
cards in at all times, also one in a chain, so the last one is written first. A span that is not used would be
open at 00:00, so it repeats another. Profiles have no names: the days between which one is valid say which hours it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Protocol

from devicemgr.domain.ports.device import Spans
from devicemgr.errors import DeviceRefused, DeviceUnreachable
from drivers.common.console.weekly_hours import LAST_SECOND, Day, week_of

# Hours have a block of profiles of their own, the first of which is on the cards.
BLOCK = 7
FIRST_PROFILE, LAST_PROFILE = 2, 254
HEADS = range(FIRST_PROFILE, LAST_PROFILE - BLOCK + 2, BLOCK)
_SPANS = 3
# Days that no other program would write, far enough back and ahead to be no limit.
_FROM, _TO, _DAYS = date(2000, 1, 2), date(2099, 12, 30), 7000
_OURS = "dm-"
_LACKS = "its firmware holds no time profiles"
_FULL = "all its time profiles are taken"
_TOO_MANY = f"a week there has at most {BLOCK} groups of days and spans"


class Ask(Protocol):
    """One request to the controller by its name, and the decoded answer."""

    def __call__(self, name: str, *arguments: Any, fits: Any = ...) -> Any:
        """Send the request and return the first answer that `fits`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One time profile as it is written and read: weekdays from Monday, three spans, and the next of the chain or 0."""

    first: date
    last: date
    weekdays: tuple[bool, ...]
    spans: tuple[tuple[time, time], ...]
    linked: int

    def fields(self) -> tuple[Any, ...]:
        """Return what follows the number in a request."""
        ends = [moment for span in self.spans for moment in span]
        return (self.first, self.last, *self.weekdays, *ends, self.linked)


class Profiles:
    """One controller's time profiles, read as they are needed and remembered until forget()."""

    def __init__(self, ask: Ask, zone: Callable[[], tzinfo]) -> None:
        self._ask, self._zone = ask, zone
        self._held: dict[int, Profile | None] = {}
        self._weeks: dict[str, tuple[int, list[Profile]]] = {}
        self._names: dict[tuple[date, date], str] = {}
        self._lacks = False
        self._compared = -1

    def forget(self) -> None:
        """Look at the controller again: it may have been changed there."""
        self._held.clear()
        self._weeks.clear()

    def number(self, name: str) -> int:
        """Return the profile that a card of these hours has; raise DeviceRefused while the controller lacks it."""
        if name not in self._weeks:
            raise DeviceRefused("the controller does not hold this schedule yet; it is tried again")
        return self._weeks[name][0]

    def name(self, number: int) -> str | None:
        """Return the hours that a profile is the first of, `#N` for others from here; None for one made elsewhere."""
        try:
            found = self._at(number)
        except DeviceRefused:
            return None
        if found is None or not _is_ours(found) or number not in HEADS:
            return None
        return self._names.get((found.first, found.last), f"#{number}")

    def keep(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Write the weeks (Scheduling.keep_hours)."""
        if self._lacks:
            return dict.fromkeys(hours, DeviceRefused(_LACKS))
        refused: dict[str, DeviceRefused] = {}
        if not look:
            self._compare()
        self._names |= {_days_of(name): name for name in hours}
        for name, spans in hours.items():
            try:
                self._keep(name, week_of(spans, self._zone(), datetime.now(UTC)), look)
            except DeviceRefused as error:
                if self._lacks:
                    return dict.fromkeys(hours, error)
                refused[name] = error
        return refused

    def _compare(self) -> None:
        """Read one profile in turn, and all again if it is another: who clears them lets all cards in."""
        written = [(head + place, one) for head, chain in self._weeks.values() for place, one in enumerate(chain)]
        if not written:
            return
        self._compared = (self._compared + 1) % len(written)
        number, expected = written[self._compared]
        if self._read(number) != expected:
            self.forget()

    def _keep(self, name: str, week: Sequence[Day], look: bool) -> None:
        groups = _groups(week)
        if len(groups) > BLOCK:
            raise DeviceRefused(_TOO_MANY)
        head = self._place(name)
        wanted = _chain(name, groups, head)
        if look or self._weeks.get(name) == (head, wanted):
            return
        for place in reversed(range(len(wanted))):
            self._write(head + place, wanted[place])
        self._weeks[name] = (head, wanted)

    def _place(self, name: str) -> int:
        """Return where these hours are, else a block that was never used, else one of ours that is not wanted."""
        days, spare = _days_of(name), None
        free = None
        for head in HEADS:
            found = self._at(head)
            if found is None:
                free = head if free is None and self._is_free(head) else free
            elif (found.first, found.last) == days:
                return head
            elif spare is None and _is_ours(found) and (found.first, found.last) not in self._names:
                spare = head
        place = spare if free is None else free
        if place is None:
            raise DeviceRefused(_FULL)
        return place

    def _is_free(self, head: int) -> bool:
        return all(self._at(number) is None for number in range(head, head + BLOCK))

    def _at(self, number: int) -> Profile | None:
        """Read a profile; raise DeviceRefused where the firmware has none."""
        if self._lacks:
            raise DeviceRefused(_LACKS)
        if number not in self._held:
            self._held[number] = self._read(number)
        return self._held[number]

    def _read(self, number: int) -> Profile | None:
        try:
            found = self._ask("get_time_profile", number, fits=lambda answer: answer.profile_id in (number, 0))
        except DeviceUnreachable as error:
            self._ask("get_status")  # silence there too: it is away, which says nothing of its firmware
            self._lacks = True
            raise DeviceRefused(_LACKS) from error
        if found.profile_id != number or found.start_date is None or found.end_date is None:
            return None
        names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        ends = [(getattr(found, f"segment_{n}_start"), getattr(found, f"segment_{n}_end")) for n in (1, 2, 3)]
        spans = tuple((begin or time(), end or time()) for begin, end in ends)
        weekdays = tuple(bool(getattr(found, day)) for day in names)
        return Profile(found.start_date, found.end_date, weekdays, spans, found.linked_profile_id)

    def _write(self, number: int, profile: Profile) -> None:
        if self._at(number) == profile:
            return
        self._held.pop(number, None)
        answer = self._ask("set_time_profile", number, *profile.fields())
        if not answer.stored:
            raise DeviceRefused(f"the controller refused time profile {number}; look at it with another program")
        if self._at(number) != profile:
            raise DeviceRefused(f"the controller took time profile {number} and reads back another")


def _days_of(name: str) -> tuple[date, date]:
    """Return the days that say which hours a profile is."""
    number = int(name.removeprefix(_OURS), 16)
    return _FROM + timedelta(days=number % _DAYS), _TO - timedelta(days=number // _DAYS % _DAYS)


def _is_ours(profile: Profile) -> bool:
    begins, ends = (profile.first - _FROM).days, (_TO - profile.last).days
    return 0 <= begins < _DAYS and 0 <= ends < _DAYS


def _groups(week: Sequence[Day]) -> list[tuple[tuple[bool, ...], tuple[tuple[time, time], ...]]]:
    """Return weekdays and up to three spans for each profile that a week takes; one that is never open without any."""
    days: dict[Day, list[int]] = {}
    for weekday, spans in enumerate(week):
        if spans:
            days.setdefault(spans, []).append(weekday)
    found = []
    for spans, weekdays in days.items():
        opened = [span for span in map(_span, spans) if span[0] <= span[1]]
        for start in range(0, len(opened), _SPANS):
            piece = opened[start : start + _SPANS]
            filled = tuple(piece + [piece[-1]] * (_SPANS - len(piece)))
            found.append((tuple(day in weekdays for day in range(7)), filled))
    return found or [((False,) * 7, ((time(23, 59), time(23, 59)),) * _SPANS)]


def _span(span: tuple[str, str]) -> tuple[time, time]:
    """Return the first and the last minute that lie whole in a span."""
    begin, end = (time.fromisoformat(text) for text in span)
    first = datetime.combine(_FROM, begin) + timedelta(seconds=59)
    last = datetime.combine(_FROM, end) - timedelta(minutes=0 if span[1] == LAST_SECOND else 1)
    if last.date() < _FROM or first.date() > _FROM:
        return time(23, 59), time()
    return time(first.hour, first.minute), time(last.hour, last.minute)


def _chain(name: str, groups: list[tuple[tuple[bool, ...], tuple[tuple[time, time], ...]]], head: int) -> list[Profile]:
    first, last = _days_of(name)
    count = len(groups)
    return [
        Profile(first, last, weekdays, spans, head + place + 1 if place + 1 < count else 0)
        for place, (weekdays, spans) in enumerate(groups)
    ]

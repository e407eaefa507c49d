"""Cards as a UHPPOTE controller keeps them: a number, whole days of validity, and each of four doors."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused

DOORS = (1, 2, 3, 4)
NO_CARD, DELETED = 0, 0xFFFFFFFF
# Where nothing limits a card, since the controller wants both days.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
# What a door's byte says: no right, at all times, and from 2 to 254 by that time profile (uhppoted-codegen, put card).
NEVER, ALWAYS, LAST_PROFILE = 0, 1, 254


@dataclass(frozen=True, slots=True)
class Card:
    """One card: valid from the start of the first day to the end of the last, in the controller's wall time.

    `profiles` are the doors that it opens by a time profile, each with its number. `additions` says in words what it
    has that no card from here has, such as a PIN; a day that it has not is None.
    """

    number: int
    first: date | None
    last: date | None
    doors: frozenset[int]
    additions: tuple[str, ...] = ()
    profiles: tuple[tuple[int, int], ...] = ()

    @property
    def extras(self) -> tuple[str, ...]:
        """Return in words all that is more than doors and days: time profiles, and additions."""
        return (*(f"time profile {number} at door {door}" for door, number in self.profiles), *self.additions)

    def right(self, door: int) -> int:
        """Return what the door's byte says."""
        return dict(self.profiles).get(door, ALWAYS if door in self.doors else NEVER)


def no_profile(hours: str) -> int:
    """Refuse weekly hours: where none are kept."""
    raise DeviceRefused(f"the controller holds no hours {hours}")


def card_of(holding: Holding, zone: tzinfo | None, profile: Callable[[str], int] = no_profile) -> Card:
    """Convert a holding to a card, valid from the day on which it begins through the day on which it ends.

    `profile` gives the time profile of weekly hours.

    Raises DeviceRefused for what the controller can't hold.
    """
    if not holding.key.isdigit() or not NO_CARD < int(holding.key) < DELETED:
        raise DeviceRefused(f"card {holding.key} is no number that the controller can hold; assign another card")
    first = holding.valid_from.astimezone(zone).date() if holding.valid_from else FIRST_DAY
    last = (holding.valid_to - timedelta(microseconds=1)).astimezone(zone).date() if holding.valid_to else LAST_DAY
    doors = holding.doors & set(DOORS)
    profiles = tuple((door, profile(hours)) for door, hours in sorted(holding.hours) if door in doors)
    return Card(int(holding.key), max(first, FIRST_DAY), min(last, LAST_DAY), doors, profiles=profiles)


def read_card(answer: Any) -> Card:
    """Parse a get-card answer, with all that distinguishes a card written elsewhere."""
    rights = {door: getattr(answer, f"door_{door}") for door in DOORS}
    doors = frozenset(door for door, right in rights.items() if NEVER < right <= LAST_PROFILE)
    profiles = tuple((door, right) for door, right in rights.items() if ALWAYS < right <= LAST_PROFILE)
    return Card(
        answer.card_number, answer.start_date, answer.end_date, doors, tuple(_additions(answer, rights)), profiles
    )


def _additions(answer: Any, rights: dict[int, int]) -> list[str]:
    """Describe what a card from here never has, without the PIN; no day at all may mean always or never."""
    found = [f"right {right} at door {door}" for door, right in rights.items() if right > LAST_PROFILE]
    if answer.pin:
        found.append("a PIN")
    found += [f"first card at door {door}" for door in DOORS if answer.firstcard and answer.firstcard.get(door)]
    if answer.start_date is None:
        found.append("no first day")
    if answer.end_date is None:
        found.append("no last day")
    return found


def holding_of(card: Card, zone: tzinfo | None, hours: Callable[[int], str | None] = lambda _: None) -> Holding:
    """Convert a card to a holding; its name says what no card from here has.

    `hours` names the weekly hours of a time profile; None for one made elsewhere.
    """
    named = {door: hours(number) for door, number in card.profiles}
    foreign = [f"time profile {number} at door {door}" for door, number in card.profiles if named[door] is None]
    return Holding(
        str(card.number),
        name="; ".join([*foreign, *card.additions]),
        hours=tuple((door, name) for door, name in named.items() if name is not None),
        doors=card.doors,
        valid_from=_midnight(card.first, zone) if card.first and card.first > FIRST_DAY else None,
        valid_to=_midnight(card.last + timedelta(days=1), zone) if card.last and card.last < LAST_DAY else None,
    )


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    start = datetime.combine(day, time())
    return (start.astimezone() if zone is None else start.replace(tzinfo=zone)).astimezone(UTC)

"""Zones that people are in, and groups of interlocked portals. Frozen, no I/O."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

# The world outside the site; it needs no zone of its own.
OUTSIDE = "outside"


class Enforcement(StrEnum):
    """What a rule of a zone does about a violation: nothing, record it and grant, or refuse."""

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"


class Overridable(StrEnum):
    """A rule that a guard's command may override, with a reason that is recorded."""

    INTERLOCK = "interlock"


class Waiver(StrEnum):
    """A check that holders of an access level are exempt from (BACnet, ASHRAE 135: authorization exemptions)."""

    ANTI_PASSBACK = "anti_passback"
    OCCUPANCY = "occupancy"
    FIRST_PERSON = "first_person"
    TWO_PERSON = "two_person"
    LOCKDOWN = "lockdown"
    ESCORT = "escort"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Zone:
    """A place that people are in; zones form a tree by `parent`, and a person in a zone is in all zones above it.

    `anti_passback` is about entering while inside, `exit_check` about leaving while not inside; `strict_path` also
    minds from which zone a person comes. `again_after_minutes` above 0 allows no second entry within that time.
    Presence older than `forget_after_minutes` (0 for never) or from before `forget_at` of the day, in the zone's
    `timezone`, counts as unknown. While a device at the border of the zone is away or unread, `when_unsure` SOFT makes
    what is hard soft. `max_people` and `min_people` bound the number of people inside, and reaching one of `warn_at` is
    recorded. With `opens_with`, only people of these levels enter before one of them is inside, or, `while_present`,
    while none of them is. An `assembly` zone is a muster point.
    """

    name: str
    parent: str | None = None
    anti_passback: Enforcement = Enforcement.OFF
    exit_check: Enforcement = Enforcement.OFF
    strict_path: bool = False
    again_after_minutes: int = 0
    forget_after_minutes: int = 0
    forget_at: time | None = None
    timezone: str = "UTC"
    when_unsure: Enforcement = Enforcement.SOFT
    max_people: int | None = None
    min_people: int | None = None
    warn_at: tuple[int, ...] = ()
    opens_with: frozenset[str] = frozenset()
    while_present: bool = False
    assembly: bool = False


@dataclass(frozen=True, slots=True)
class Interlock:
    """Portals of which at most one is not shut; each is shut once it has been at rest for `settle_seconds`."""

    name: str
    portals: frozenset[str]
    settle_seconds: float = 3.0

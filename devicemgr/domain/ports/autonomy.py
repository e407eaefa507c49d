"""What a device does while this box is away: whether it decides by itself, and which rules it keeps then."""

from dataclasses import dataclass
from enum import StrEnum


class DeviceRule(StrEnum):
    """A rule of the site that a device may keep by itself, or not; docs/rules.md explains each."""

    SCHEDULES = "schedules"
    GRANT_USES = "grant_uses"
    ANTI_PASSBACK = "anti_passback"
    OCCUPANCY = "occupancy"
    FIRST_PERSON = "first_person"
    TWO_PERSON = "two_person"
    ESCORT = "escort"
    INTERLOCK = "interlock"
    LOCKDOWN = "lockdown"
    FREE_TIMES = "free_times"
    DURESS = "duress"


@dataclass(frozen=True, slots=True)
class Autonomy:
    """A device that decides by itself, always or while this box is away; `keeps` are the rules that it keeps then.

    A rule is kept only if the device refuses whom the rule refuses, and no one else.
    """

    keeps: frozenset[DeviceRule] = frozenset()


# A device is given whom it may let in, and this box takes them away in a threat: it keeps that when it is away.
BY_HOLDINGS = frozenset({DeviceRule.LOCKDOWN})

"""Which doors of a device the levels of people lead to, apart from those that a threat in force keeps them from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person, Portal, Requirement
from devicemgr.domain.rules.decision.held_levels import host_problem
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import ending_with, levels_for_devices
from devicemgr.domain.rules.schedules import is_open
from devicemgr.domain.rules.threats.lockdown import is_locked_out, requirements_at
from devicemgr.domain.rules.threats.threat import Standing
from devicemgr.domain.rules.validity import invalidity


@dataclass(frozen=True, slots=True)
class Door:
    """Doors of the device that a level leads to, under a schedule or always, and whether that is open now.

    `requires` is what must be presented, all of it; `standing` the threat that counts there.
    """

    numbers: frozenset[int]
    requires: tuple[Requirement, ...]
    open_now: bool
    schedule: str | None
    standing: Standing | None


def is_used(device: str, snapshot: Snapshot) -> bool:
    """Return True when a portal names the device."""
    return bool(_doors_of(device, snapshot))


def entitled_people(
    device: str, snapshot: Snapshot, times: Sequence[datetime], *, alone: bool
) -> Iterator[tuple[Person, list[Door]]]:
    """Yield everyone whom a level lets pass at the device, now or at another time, with the doors.

    A device that decides `alone` is given no one whom a threat keeps out; one that asks here heeds threats by that.
    """
    doors = _doors_of(device, snapshot)
    threats = threats_at(device, snapshot) if alone else {}
    by_level = {name: _level_doors(level, doors, threats, snapshot, times) for name, level in snapshot.levels.items()}
    for person in snapshot.people.values():
        held = levels_for_devices(person, times, alone=alone)
        levels = [name for name in held if by_level.get(name)]
        may_come = all(invalidity(person, at) in (None, Reason.NOT_YET_VALID) for at in times)
        if not (levels and may_come and host_problem(person, snapshot, times) is None):
            continue
        found = [door for name in levels for door in by_level[name]]
        if threats:
            holder = replace(person, levels=held)
            found = [one for one in found if one.standing is None or not is_locked_out(holder, one.standing, snapshot)]
        if found:
            yield ending_with(person, levels), found


def threats_at(device: str, snapshot: Snapshot) -> dict[str, Standing]:
    """Return by portal the threat that a device which decides by itself must heed there, also while there is a fire.

    Not where it only lets people out by a way of escape.
    """
    return {
        name: snapshot.threat_at[name]
        for name in _doors_of(device, snapshot)
        if name in snapshot.threat_at and not _only_leads_out(device, snapshot.portals[name])
    }


def _only_leads_out(device: str, portal: Portal) -> bool:
    sides = {point.direction for point in portal.access_points if point.device == device}
    return portal.egress and sides == {Direction.EXIT}


def _doors_of(device: str, snapshot: Snapshot) -> dict[str, frozenset[int]]:
    """By portal, the device's doors: the gate's channel, or that of the readers of a gate elsewhere."""
    doors = {}
    for portal in snapshot.portals.values():
        readers = frozenset(point.channel for point in portal.access_points if point.device == device)
        if portal.gate == device:
            doors[portal.name] = frozenset({portal.channel})
        elif readers:
            doors[portal.name] = readers
    return doors


def _level_doors(
    level: AccessLevel,
    doors: Mapping[str, frozenset[int]],
    threats: Mapping[str, Standing],
    snapshot: Snapshot,
    times: Sequence[datetime],
) -> list[Door]:
    found = []
    for name, schedule_name in level.portals.items():
        if name in doors:
            schedule = snapshot.schedules.get(schedule_name) if schedule_name is not None else None
            always = schedule_name is None
            open_now = always or (schedule is not None and all(is_open(schedule, at) for at in times))
            standing = threats.get(name)
            requires = requirements_at(snapshot.portals[name], standing)
            found.append(Door(doors[name], requires, open_now, schedule_name, standing))
    return found

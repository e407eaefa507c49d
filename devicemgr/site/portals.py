"""Use cases of portals: add, edit, replace and remove them in a unit of work."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from devicemgr.domain.model import Capability, ConsoleLiveness, Direction, FailMode, Liveness, PortalMode, Requirement
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.domain.rules.factors import lacking
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.areas import zones
from devicemgr.site.plans import service as plans
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.outlets import rows as outlet_rows
from devicemgr.store.site import access_levels, devices, portals as rows, zones as zone_rows
from devicemgr.store.tables import DeviceRow, LevelRow, PortalRow
from devicemgr.text import safe, slug

MAX_PEOPLE_TOGETHER = 5

ChannelsOf = Callable[[str], int | None]
"""Gives how many channels a gate has, None while that is not known."""


class PortalFields(BaseModel):
    """A portal without its name; `entry` and `exit` name the devices, or DEVICE:READER, at which one presents.

    Portals of one `lane_group` stand side by side; empty for none. `outside` and `inside` are the zones that it joins:
    both or neither. `people` different people must present within `people_within` seconds, one of them of a level of
    `confirm_by` if there are any. It is free in the hours of schedule `free`, with `free_after` once one of these
    levels has passed.
    """

    model_config = ConfigDict(extra="forbid")
    gate: str = Field(examples=["gate-1"])
    channel: int = Field(1, ge=1, le=64)
    entry: list[str] = Field([], examples=[["cam-in"]])
    exit: list[str] = Field([], examples=[["reader-1:2"]])
    fail: FailMode = FailMode.SECURE
    release_seconds: float = Field(5.0, ge=0.1, le=60)
    require: Requirement = Requirement.ANY
    liveness: Liveness = Liveness.OFF
    frames: int = Field(2, ge=2, le=5)
    lane_group: str = ""
    console_liveness: ConsoleLiveness = ConsoleLiveness.REQUIRE
    outside: str | None = Field(None, examples=["outside"])
    inside: str | None = Field(None, examples=["building"])
    egress: bool = False
    people: int = Field(1, ge=1, le=MAX_PEOPLE_TOGETHER)
    people_within: float = Field(10.0, ge=1, le=60)
    people_exit: bool = False
    confirm_by: list[str] = Field([], max_length=32, examples=[["managers"]])
    collects_cards: bool = False
    free: str | None = Field(None, examples=["office-hours"])
    free_after: list[str] = Field([], max_length=32, examples=[["reception"]])


class PortalUpdate(BaseModel):
    """New values of a portal's fields; absent ones stay as they are, a list replaces the list.

    `outside` and `inside` null take the portal out of the zones.
    """

    model_config = ConfigDict(extra="forbid")
    gate: str | None = None
    channel: int | None = Field(None, ge=1, le=64)
    entry: list[str] | None = None
    exit: list[str] | None = None
    fail: FailMode | None = None
    release_seconds: float | None = Field(None, ge=0.1, le=60)
    require: Requirement | None = None
    liveness: Liveness | None = None
    frames: int | None = Field(None, ge=2, le=5)
    lane_group: str | None = None
    console_liveness: ConsoleLiveness | None = None
    outside: str | None = None
    inside: str | None = None
    egress: bool | None = None
    people: int | None = Field(None, ge=1, le=MAX_PEOPLE_TOGETHER)
    people_within: float | None = Field(None, ge=1, le=60)
    people_exit: bool | None = None
    confirm_by: list[str] | None = Field(None, max_length=32)
    collects_cards: bool | None = None
    free: str | None = None
    free_after: list[str] | None = Field(None, max_length=32)


_PLAIN = (
    *("channel", "release_seconds", "frames", "fail", "require", "liveness", "console_liveness", "egress"),
    *("people", "people_within", "people_exit", "confirm_by", "collects_cards", "free_after"),
)
# Null is a value of these.
_NAMES = ("outside", "inside", "free")


def add_portal(work: UnitOfWork, name: str, fields: PortalFields, channels_of: ChannelsOf) -> PortalRow:
    """Add a portal on a gate's channel; AlreadyExists if its name or the channel is taken."""
    name = slug("portal", name)
    if work.session.get(PortalRow, name):
        raise AlreadyExists(f"portal '{name}' exists; choose another name", hint=Hint("edit_portal", name=name))
    gate = _device_able_to(work, fields.gate, Capability.GATE)
    _require_free_channel(work.session, gate, fields.channel, name, channels_of)
    zones.require_zones(work.session, fields.outside, fields.inside)
    row = PortalRow(
        name=name,
        gate_id=gate.id,
        mode=str(PortalMode.NORMAL),
        lane_group=_lane_group(fields.lane_group),
        outside=fields.outside,
        inside=fields.inside,
        free=fields.free,
        **{field: _stored(getattr(fields, field)) for field in _PLAIN},
    )
    work.session.add(row)
    work.session.flush()
    _set_points(work, row, Direction.ENTRY, fields.entry)
    _set_points(work, row, Direction.EXIT, fields.exit)
    work.session.refresh(row)
    work.record("admin.portal_added", {"portal": rows.portal_json(row)}, after=_rights_of(row))
    return row


def edit_portal(work: UnitOfWork, name: str, update: PortalUpdate, channels_of: ChannelsOf) -> PortalRow:
    """Change a portal; records nothing if all values are as they were."""
    row = rows.portal(work.session, name)
    before = _rights_of(row)
    if update.gate is not None:
        row.gate = _device_able_to(work, update.gate, Capability.GATE)
    for field in _PLAIN:
        if (value := getattr(update, field)) is not None:
            setattr(row, field, _stored(value))
    if update.lane_group is not None:
        row.lane_group = _lane_group(update.lane_group)
    for field in _NAMES:
        if field in update.model_fields_set:
            setattr(row, field, getattr(update, field))
    zones.require_zones(work.session, row.outside, row.inside)
    _require_free_channel(work.session, row.gate, row.channel, name, channels_of)
    for direction, names in ((Direction.ENTRY, update.entry), (Direction.EXIT, update.exit)):
        if names is not None and sorted(dict.fromkeys(names)) != sorted(before[direction]):
            _set_points(work, row, direction, names)
    work.session.flush()
    work.session.refresh(row)
    if (after := _rights_of(row)) != before:
        work.record("admin.portal_edited", {"portal": rows.portal_json(row)}, before=before, after=after)
    return row


def put_portal(work: UnitOfWork, name: str, fields: PortalFields, channels_of: ChannelsOf) -> tuple[PortalRow, bool]:
    """Add the portal, or make an existing one exactly this; return it, and True if it was added.

    The mode of an existing portal stays: it is a guard's.
    """
    if work.session.get(PortalRow, name) is None:
        return add_portal(work, name, fields, channels_of), True
    return edit_portal(work, name, PortalUpdate(**fields.model_dump()), channels_of), False


def remove_portal(work: UnitOfWork, name: str) -> None:
    """Remove a portal that no level covers, that is in no interlock, and that no outlet names."""
    row = rows.portal(work.session, name)
    if groups := zone_rows.interlocks_of(work.session, name):
        raise RequestError(
            f"portal '{name}' is in interlock '{groups[0]}'", hint=Hint("edit_interlock", name=groups[0])
        )
    users = access_levels.levels_over(work.session, name)
    if users:
        raise RequestError(f"level '{users[0]}' covers portal '{name}'", hint=Hint("remove_level", name=users[0]))
    # Left out of what an outlet states, it might leave an empty list, which is all portals.
    if outlet := outlet_rows.giving_out(work.session, name):
        raise RequestError(
            f"outlet '{outlet}' gives out the events of portal '{name}'", hint=Hint("edit_outlet", name=outlet)
        )
    work.record("admin.portal_removed", {"portal": name}, before=_rights_of(row))
    work.session.delete(row)
    work.session.flush()
    plans.forget(work, "portal", name)


def warnings_of(session: Session, catalog: DriverCatalog, row: PortalRow) -> list[str]:
    """Return what is wrong with a portal's sides: those at which nothing takes what the portal requires."""
    portal = rows.portal_json(row)
    require = Requirement(portal["require"])
    sides = {side: portal[side] for side in ("entry", "exit") if portal[side]}
    if not sides and require is not Requirement.ANY:
        return [f"{portal['name']} has no reader or camera yet; add one at its entry or exit"]
    found = []
    for side, names in sides.items():
        kinds = {devices.device(session, rows.split_point(name)[0]).driver for name in names}
        able = frozenset[Capability]().union(*(catalog.get(kind).capabilities for kind in kinds))
        if missing := lacking(require, able):
            what = " and ".join(sorted(missing))
            found.append(
                f"no one can pass at {portal['name']}/{side}: it requires {require}, and none of {', '.join(names)} "
                f"takes a {what}; change what it requires, or add a device that does"
            )
    return found


def _device_able_to(work: UnitOfWork, name: str, *wanted: Capability) -> DeviceRow:
    row = devices.device(work.session, name)
    if not work.site.parts.catalog.get(row.driver).capabilities & set(wanted):
        able = " or ".join(str(c) for c in wanted)
        raise InvalidInput(f"device '{name}' ({row.driver}) is not a {able}", hint=Hint("list_drivers"))
    return row


def _set_points(work: UnitOfWork, row: PortalRow, direction: Direction, names: Sequence[str]) -> None:
    for name in names:
        device, _ = rows.split_point(name)
        _device_able_to(work, device, Capability.CAMERA, Capability.READER, Capability.CONSOLE)
    rows.set_access_points(work.session, row, direction, names)


def _require_free_channel(session: Session, gate: DeviceRow, channel: int, name: str, channels_of: ChannelsOf) -> None:
    channels = channels_of(gate.name)
    if channels is not None and channel > channels:
        has = f"channels 1 to {channels}" if channels else "no channels; see its options"
        raise InvalidInput(f"'{gate.name}' has {has}, so that {channel} would open nothing")
    # What a gate reports of a channel must belong to one portal.
    taken = rows.portal_on(session, gate.id, channel, other_than=name)
    if taken is not None:
        raise AlreadyExists(f"channel {channel} of '{gate.name}' opens portal '{taken.name}'; choose another channel")


def _lane_group(name: str) -> str:
    return slug("lane group", name) if name else ""


def require_levels(session: Session, names: Iterable[str] | None = None) -> None:
    """Raise InvalidInput if a portal, of these names or of all, is confirmed by a level that is not there."""
    wanted = None if names is None else set(names)
    for row in rows.portals(session):
        for level in row.confirm_by if wanted is None or row.name in wanted else ():
            if session.get(LevelRow, level) is None:
                raise InvalidInput(
                    f"portal '{row.name}' is confirmed by level '{safe(level, 60)}', which is not there",
                    hint=Hint("list_levels"),
                )


def _stored(value: Any) -> Any:
    """Return a field as its column has it."""
    if isinstance(value, list):
        return sorted(set(value))
    return str(value) if isinstance(value, str) else value


def _rights_of(row: PortalRow) -> dict[str, Any]:
    return {name: value for name, value in rows.portal_json(row).items() if name != "name"}

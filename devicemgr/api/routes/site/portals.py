"""/portals: what opens, and the guard's commands."""

from enum import StrEnum
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.domain.model import Capability, ConsoleLiveness, Direction, FailMode, Liveness, PortalMode, Requirement
from devicemgr.domain.rules.factors import lacking
from devicemgr.errors import AlreadyExists, InvalidInput, RequestError
from devicemgr.store.database import Session
from devicemgr.store.site import access_levels as level_store, devices as device_store, portals as portal_store
from devicemgr.store.tables import DeviceRow, PortalRow
from devicemgr.text import slug

_UNKNOWN: dict[str, Any] = {"state": None, "door": None}

router = APIRouter(prefix="/portals", tags=["portals"])


class PortalCreate(BaseModel):
    """A portal to add; entry and exit name the devices, or DEVICE:READER, at which one presents.

    Portals of one `lane_group` stand side by side; empty for none.
    """

    model_config = ConfigDict(extra="forbid")
    name: str
    gate: str
    channel: int = Field(1, ge=1, le=64)
    entry: list[str] = []
    exit: list[str] = []
    fail: FailMode = FailMode.SECURE
    release_seconds: float = Field(5.0, ge=0.1, le=60)
    require: Requirement = Requirement.ANY
    liveness: Liveness = Liveness.OFF
    frames: int = Field(2, ge=2, le=5)
    lane_group: str = ""
    console_liveness: ConsoleLiveness = ConsoleLiveness.REQUIRE


class PortalUpdate(BaseModel):
    """What to change; absent stays, a list replaces."""

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


class PortalRelease(BaseModel):
    """In which direction a guard lets one person pass."""

    model_config = ConfigDict(extra="forbid")
    direction: Direction = Direction.ENTRY


class PortalModeChange(BaseModel):
    """normal, locked or free."""

    model_config = ConfigDict(extra="forbid")
    mode: PortalMode


def _able(context: Context, session: Session, name: str, *wanted: Capability) -> DeviceRow:
    row = device_store.device(session, name)
    if not context.site.parts.catalog.get(row.driver).capabilities & set(wanted):
        able = " or ".join(str(c) for c in wanted)
        raise InvalidInput(f"device '{name}' ({row.driver}) is not a {able}; `devicemgr device drivers` tells what is")
    return row


def _set_points(context: Context, session: Session, row: PortalRow, direction: Direction, names: list[str]) -> None:
    for name in names:
        device, _ = portal_store.split_point(name)
        _able(context, session, device, Capability.CAMERA, Capability.READER, Capability.CONSOLE)
    portal_store.set_access_points(session, row, direction, names)


def _require_free_channel(context: Context, session: Session, gate: DeviceRow, channel: int, name: str) -> None:
    channels = context.runtime.channels_of(gate.name)
    if channels is not None and channel > channels:
        has = f"channels 1 to {channels}" if channels else "no channels; see its options"
        raise InvalidInput(f"'{gate.name}' has {has}, so that {channel} would open nothing")
    # What a gate reports of a channel must belong to one portal.
    taken = portal_store.portal_on(session, gate.id, channel, other_than=name)
    if taken is not None:
        raise AlreadyExists(f"channel {channel} of '{gate.name}' opens portal '{taken.name}'; choose another channel")


def _lane_group(name: str) -> str:
    return slug("lane group", name) if name else ""


def _warnings(context: Context, session: Session, portal: dict[str, Any]) -> list[str]:
    """Sides at which nobody can show what the portal requires; it is taken all the same."""
    require = Requirement(portal["require"])
    sides = {side: portal[side] for side in ("entry", "exit") if portal[side]}
    if not sides and require is not Requirement.ANY:
        return [f"{portal['name']} has no reader or camera yet; add one with --entry or --exit"]
    found = []
    for side, names in sides.items():
        kinds = {device_store.device(session, portal_store.split_point(name)[0]).driver for name in names}
        able = frozenset[Capability]().union(*(context.site.parts.catalog.get(kind).capabilities for kind in kinds))
        if missing := lacking(require, able):
            what = " and ".join(sorted(missing))
            found.append(
                f"nobody can pass at {portal['name']}/{side}: it requires {require}, and none of {', '.join(names)} "
                f"takes a {what}; change --require or add a device that does"
            )
    return found


def _states(context: Context) -> dict[str, dict[str, Any]]:
    """What a running daemon knows of each portal and its door."""
    return {p["name"]: {"state": p["state"], "door": p["door"]} for p in context.runtime.status()["portals"]}


@router.post("", status_code=201)
def add_portal(body: PortalCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a portal on a gate device's channel."""
    with context.site.database.write() as session:
        name = slug("portal", body.name)
        if session.get(PortalRow, name):
            raise AlreadyExists(f"portal '{name}' exists; choose another name, or `devicemgr portal edit` it")
        gate = _able(context, session, body.gate, Capability.GATE)
        _require_free_channel(context, session, gate, body.channel, name)
        row = PortalRow(
            name=name,
            gate_id=gate.id,
            channel=body.channel,
            fail=str(body.fail),
            release_seconds=body.release_seconds,
            mode=str(PortalMode.NORMAL),
            require=str(body.require),
            liveness=str(body.liveness),
            frames=body.frames,
            lane_group=_lane_group(body.lane_group),
            console_liveness=str(body.console_liveness),
        )
        session.add(row)
        session.flush()
        _set_points(context, session, row, Direction.ENTRY, body.entry)
        _set_points(context, session, row, Direction.EXIT, body.exit)
        session.refresh(row)
        answer = portal_store.portal_json(row)
        context.record(session, "admin.portal_added", caller, {"portal": answer})
        warnings = _warnings(context, session, answer)
    context.runtime.site_changed()
    return answer | {"warnings": warnings}


@router.get("")
def list_portals(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """All portals with their state."""
    states = _states(context)
    with context.site.database.read() as session:
        return [portal_store.portal_json(row) | states.get(row.name, _UNKNOWN) for row in portal_store.portals(session)]


@router.get("/{name}")
def show_portal(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """One portal."""
    states = _states(context)
    with context.site.database.read() as session:
        return portal_store.portal_json(portal_store.portal(session, name)) | states.get(name, _UNKNOWN)


@router.patch("/{name}")
def edit_portal(name: str, body: PortalUpdate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Change a portal."""
    with context.site.database.write() as session:
        row = portal_store.portal(session, name)
        if body.gate is not None:
            row.gate = _able(context, session, body.gate, Capability.GATE)
        for field in ("channel", "release_seconds", "frames", "fail", "require", "liveness", "console_liveness"):
            value = getattr(body, field)
            if value is not None:
                setattr(row, field, str(value) if isinstance(value, StrEnum) else value)
        if body.lane_group is not None:
            row.lane_group = _lane_group(body.lane_group)
        _require_free_channel(context, session, row.gate, row.channel, name)
        for direction, names in ((Direction.ENTRY, body.entry), (Direction.EXIT, body.exit)):
            if names is not None:
                _set_points(context, session, row, direction, names)
        session.flush()
        session.refresh(row)
        answer = portal_store.portal_json(row)
        context.record(session, "admin.portal_edited", caller, {"portal": answer})
        warnings = _warnings(context, session, answer)
    context.runtime.site_changed()
    return answer | {"warnings": warnings}


@router.delete("/{name}")
def remove_portal(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a portal that no level covers."""
    with context.site.database.write() as session:
        row = portal_store.portal(session, name)
        users = level_store.levels_over(session, name)
        if users:
            raise RequestError(f"level '{users[0]}' covers portal '{name}'; `devicemgr level remove {users[0]}` first")
        session.delete(row)
        context.record(session, "admin.portal_removed", caller, {"portal": name})
    context.runtime.site_changed()
    return {"name": name, "removed": True}


@router.post("/{name}/open")
def open_portal(name: str, body: PortalRelease, context: Ctx, caller: Who) -> dict[str, Any]:
    """Let one person pass, on the guard's word."""
    return context.runtime.open_portal(name, body.direction, caller.actor)


@router.put("/{name}/mode")
def set_mode(name: str, body: PortalModeChange, context: Ctx, caller: Who) -> dict[str, Any]:
    """Lock, free, or return to normal."""
    return context.runtime.set_portal_mode(name, body.mode, caller.actor)

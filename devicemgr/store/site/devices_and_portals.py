"""Devices, portals, schedules and levels."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from devicemgr.domain.model import (
    AccessLevel,
    AccessPoint,
    ConsoleLiveness,
    DeviceConfig,
    Direction,
    FailMode,
    Liveness,
    Portal,
    PortalMode,
    Requirement,
    Schedule,
)
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.errors import AlreadyExists, InvalidInput, NotFound, RequestError
from devicemgr.store.tables import (
    AccessPointRow,
    ConditionRow,
    CursorRow,
    DeviceRow,
    DeviceSecretRow,
    HoldingRow,
    LevelPortalRow,
    LevelRow,
    PortalRow,
    ProvisioningRow,
    ScheduleRow,
)
from devicemgr.text import safe
from devicemgr.vault import Vault

Named = TypeVar("Named", PortalRow, ScheduleRow, LevelRow)


def _named(session: Session, table: type[Named], what: str, name: str) -> Named:
    """The row whose primary key is `name`, or NotFound."""
    row = session.get(table, name)
    if row is None:
        raise NotFound(f"there is no {what} '{safe(name, 60)}'; `devicemgr {what} list` shows them")
    return row


def device(session: Session, name: str) -> DeviceRow:
    """The device of that name, or NotFound."""
    row = session.scalar(select(DeviceRow).where(DeviceRow.name == name))
    if row is None:
        raise NotFound(f"there is no device '{safe(name, 60)}'; `devicemgr device list` shows them")
    return row


def devices(session: Session) -> Sequence[DeviceRow]:
    """All devices by name."""
    return session.scalars(select(DeviceRow).order_by(DeviceRow.name)).all()


def add_device(session: Session, vault: Vault, config: DeviceConfig) -> DeviceRow:
    """A new device; its id is made here, and seals its password."""
    if session.scalar(select(DeviceRow.id).where(DeviceRow.name == config.name)):
        raise AlreadyExists(f"a device '{config.name}' exists; choose another name, or `devicemgr device edit` it")
    row = DeviceRow(
        id=str(uuid.uuid4()), name=config.name, driver=config.driver, address=config.address,
        username=config.username, options=dict(config.options),
    )  # fmt: skip
    set_password(row, vault, config.password)
    session.add(row)
    session.flush()
    return row


def seal_passwords_anew(session: Session, before: Vault, fresh: Vault) -> int:
    """Seal every device's password under another vault; how many there are."""
    found = [row for row in devices(session) if row.sealed_password is not None]
    for row in found:
        assert row.sealed_password is not None
        set_password(row, fresh, before.open_secret(row.id, row.sealed_password))
    session.flush()
    return len(found)


def set_password(row: DeviceRow, vault: Vault, password: str | None) -> None:
    """Seal a device's password; None leaves it without one."""
    row.sealed_password = vault.seal_secret(row.id, password) if password is not None else None


def remove_device(session: Session, row: DeviceRow) -> None:
    """Remove a device that no portal uses; RequestError names the portal otherwise."""
    query = select(PortalRow.name).outerjoin(AccessPointRow)
    used = session.scalar(query.where(or_(PortalRow.gate_id == row.id, AccessPointRow.device_id == row.id)))
    if used:
        raise RequestError(f"portal '{used}' uses device '{row.name}'; edit or remove the portal first")
    for table in (ConditionRow, CursorRow, HoldingRow, DeviceSecretRow, ProvisioningRow):
        session.execute(delete(table).where(table.device_id == row.id))
    session.delete(row)
    session.flush()


def device_config(row: DeviceRow, vault: Vault) -> DeviceConfig:
    """The device with its password in clear; KeyMissing when that does not open."""
    password = vault.open_secret(row.id, row.sealed_password) if row.sealed_password is not None else None
    return DeviceConfig(row.id, row.name, row.driver, row.address, row.username, password, dict(row.options))


def portal(session: Session, name: str) -> PortalRow:
    """The portal of that name, or NotFound."""
    return _named(session, PortalRow, "portal", name)


def portals(session: Session) -> Sequence[PortalRow]:
    """All portals by name."""
    return session.scalars(select(PortalRow).order_by(PortalRow.name)).all()


def portal_on(session: Session, gate_id: str, channel: int, other_than: str) -> PortalRow | None:
    """The portal, `other_than` left out, that a gate's channel opens."""
    query = select(PortalRow).where(PortalRow.gate_id == gate_id, PortalRow.channel == channel)
    return session.scalar(query.where(PortalRow.name != other_than))


def split_point(text: str) -> tuple[str, int]:
    """Device and reader, from 1, of an access point written DEVICE or DEVICE:CHANNEL; else InvalidInput."""
    name, _, channel = text.partition(":")
    if not channel:
        return name, 1
    if not (channel.isascii() and channel.isdigit() and 1 <= int(channel) <= 64):
        raise InvalidInput(f"'{safe(text, 80)}' is no access point; write DEVICE or DEVICE:READER, such as ctl:2")
    return name, int(channel)


def set_access_points(session: Session, row: PortalRow, direction: Direction, points: Sequence[str]) -> None:
    """Replace the devices, with their readers, at one side of a portal."""
    row.access_points = [point for point in row.access_points if point.direction != direction]
    session.flush()
    for name, channel in dict.fromkeys(split_point(point) for point in points):
        found = device(session, name)
        # One reader, one side of one portal: who presents there must open that and nothing else.
        same = (AccessPointRow.device_id == found.id, AccessPointRow.channel == channel)
        taken = session.scalar(select(AccessPointRow).where(*same))
        if taken:
            where = f"'{name}'" if channel == 1 else f"'{name}:{channel}'"
            raise AlreadyExists(f"device {where} serves the {taken.direction} of portal '{taken.portal_name}' already")
        row.access_points.append(
            AccessPointRow(portal_name=row.name, direction=str(direction), device_id=found.id, channel=channel)
        )
    session.flush()


def portal_model(row: PortalRow) -> Portal:
    """The portal that rules and pipeline work with."""
    points = tuple(
        AccessPoint(row.name, Direction(point.direction), point.device.name, point.channel)
        for point in sorted(row.access_points, key=lambda p: (p.direction, p.device.name, p.channel))
    )
    return Portal(
        name=row.name, gate=row.gate.name, channel=row.channel, access_points=points, fail=FailMode(row.fail),
        release_seconds=row.release_seconds, mode=PortalMode(row.mode), require=Requirement(row.require),
        liveness=Liveness(row.liveness), frames=row.frames, lane_group=row.lane_group,
        console_liveness=ConsoleLiveness(row.console_liveness),
    )  # fmt: skip


def _point_text(point: AccessPoint) -> str:
    return point.device if point.channel == 1 else f"{point.device}:{point.channel}"


def portal_json(row: PortalRow) -> dict[str, Any]:
    """What `portal show` prints."""
    model = portal_model(row)
    return {
        "name": model.name,
        "gate": model.gate,
        "channel": model.channel,
        "entry": [_point_text(point) for point in model.access_points if point.direction == Direction.ENTRY],
        "exit": [_point_text(point) for point in model.access_points if point.direction == Direction.EXIT],
        "fail": str(model.fail),
        "release_seconds": model.release_seconds,
        "mode": str(model.mode),
        "require": str(model.require),
        "liveness": str(model.liveness),
        "frames": model.frames,
        "lane_group": model.lane_group,
        "console_liveness": str(model.console_liveness),
    }


def schedule(session: Session, name: str) -> ScheduleRow:
    """The schedule of that name, or NotFound."""
    return _named(session, ScheduleRow, "schedule", name)


def schedules(session: Session) -> Sequence[ScheduleRow]:
    """All schedules by name."""
    return session.scalars(select(ScheduleRow).order_by(ScheduleRow.name)).all()


def schedule_model(row: ScheduleRow) -> Schedule:
    """The schedule that the rules evaluate."""
    windows = tuple(parse_window(text) for text in row.windows)
    return Schedule(row.name, row.timezone, windows, frozenset(date.fromisoformat(day) for day in row.holidays))


def level(session: Session, name: str) -> LevelRow:
    """The level of that name, or NotFound."""
    return _named(session, LevelRow, "level", name)


def levels(session: Session) -> Sequence[LevelRow]:
    """All levels by name."""
    return session.scalars(select(LevelRow).order_by(LevelRow.name)).all()


def set_level_portals(session: Session, row: LevelRow, names: Sequence[str], schedule_name: str | None) -> None:
    """Replace what a level covers; NotFound for an unknown portal or schedule."""
    if schedule_name is not None:
        schedule(session, schedule_name)
    row.portals = []
    session.flush()
    for name in dict.fromkeys(names):
        covered = LevelPortalRow(level_name=row.name, portal_name=portal(session, name).name)
        covered.schedule_name = schedule_name
        row.portals.append(covered)
    session.flush()


def level_model(row: LevelRow) -> AccessLevel:
    """The level that the rules evaluate."""
    return AccessLevel(row.name, {covered.portal_name: covered.schedule_name for covered in row.portals})


def level_json(row: LevelRow) -> dict[str, Any]:
    """What `level show` prints."""
    covered = sorted(row.portals, key=lambda p: p.portal_name)
    portals_json = [{"portal": p.portal_name, "schedule": p.schedule_name} for p in covered]
    return {"name": row.name, "portals": portals_json}


def levels_under(session: Session, schedule_name: str) -> Sequence[str]:
    """Names of the levels that use a schedule."""
    query = select(LevelPortalRow.level_name).where(LevelPortalRow.schedule_name == schedule_name).distinct()
    return session.scalars(query.order_by(LevelPortalRow.level_name)).all()


def levels_over(session: Session, portal_name: str) -> Sequence[str]:
    """Names of the levels that cover a portal."""
    query = select(LevelPortalRow.level_name).where(LevelPortalRow.portal_name == portal_name).distinct()
    return session.scalars(query.order_by(LevelPortalRow.level_name)).all()

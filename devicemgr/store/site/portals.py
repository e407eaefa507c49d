"""Rows of portals and their access points."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.domain.model import (
    AccessPoint,
    ConsoleLiveness,
    Direction,
    FailMode,
    Liveness,
    Portal,
    PortalMode,
    Requirement,
)
from devicemgr.errors import AlreadyExists, InvalidInput
from devicemgr.store.site.devices import device
from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import (
    AccessPointRow,
    PortalRow,
)
from devicemgr.text import safe


def portal(session: Session, name: str) -> PortalRow:
    """Return the portal of that name, or NotFound."""
    return find_named(session, PortalRow, "portal", name)


def portals(session: Session) -> Sequence[PortalRow]:
    """Return all portals by name."""
    return session.scalars(select(PortalRow).order_by(PortalRow.name)).all()


def portal_on(session: Session, gate_id: str, channel: int, other_than: str) -> PortalRow | None:
    """Return the portal, `other_than` left out, that a gate's channel opens."""
    query = select(PortalRow).where(PortalRow.gate_id == gate_id, PortalRow.channel == channel)
    return session.scalar(query.where(PortalRow.name != other_than))


def portals_confirmed_by(session: Session, level: str) -> list[str]:
    """Return the names of the portals that open only with a holder of a level among those who present."""
    return [row.name for row in portals(session) if level in row.confirm_by]


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
    """Return the portal that rules and pipeline work with."""
    points = tuple(
        AccessPoint(row.name, Direction(point.direction), point.device.name, point.channel)
        for point in sorted(row.access_points, key=lambda p: (p.direction, p.device.name, p.channel))
    )
    return Portal(
        name=row.name,
        gate=row.gate.name,
        channel=row.channel,
        access_points=points,
        fail=FailMode(row.fail),
        release_seconds=row.release_seconds,
        mode=PortalMode(row.mode),
        require=Requirement(row.require),
        liveness=Liveness(row.liveness),
        frames=row.frames,
        lane_group=row.lane_group,
        console_liveness=ConsoleLiveness(row.console_liveness),
        outside=row.outside,
        inside=row.inside,
        egress=row.egress,
        people=row.people,
        people_within=row.people_within,
        people_exit=row.people_exit,
        confirm_by=frozenset(row.confirm_by or ()),
        collects_cards=row.collects_cards,
        free=row.free,
        free_after=frozenset(row.free_after),
    )


def _point_text(point: AccessPoint) -> str:
    return point.device if point.channel == 1 else f"{point.device}:{point.channel}"


def portal_json(row: PortalRow) -> dict[str, Any]:
    """Return what `portal show` prints."""
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
        "outside": model.outside,
        "inside": model.inside,
        "egress": model.egress,
        "people": model.people,
        "people_within": model.people_within,
        "people_exit": model.people_exit,
        "confirm_by": sorted(model.confirm_by),
        "collects_cards": model.collects_cards,
        "free": model.free,
        "free_after": sorted(model.free_after),
    }

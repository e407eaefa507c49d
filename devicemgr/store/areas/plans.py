"""Rows of plans, and the names of what can stand on one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import DeviceRow, PortalRow
from devicemgr.store.zone_tables import PlanRow, ZoneRow

_NAMES: Mapping[str, Any] = {"portal": PortalRow.name, "device": DeviceRow.name, "zone": ZoneRow.name}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/svg+xml": "svg"}
"""The endings of files, by the types of pictures."""


def plan(session: Session, name: str) -> PlanRow:
    """Return the plan of that name, or NotFound."""
    return find_named(session, PlanRow, "plan", name)


def plans(session: Session) -> Sequence[PlanRow]:
    """Return all plans, by name."""
    return session.scalars(select(PlanRow).order_by(PlanRow.name)).all()


def names_of(session: Session, kind: str) -> frozenset[str]:
    """Return the names of all portals, devices or zones."""
    return frozenset(session.scalars(select(_NAMES[kind])))


def picture_name(plan: str, media: str) -> str:
    """Return the name that the picture of a plan has beside a site's file."""
    return f"plan-{plan}.{SUFFIXES[media]}"


def plan_json(row: PlanRow) -> dict[str, Any]:
    """Return a plan with its placements."""
    picture = None
    if row.file:
        picture = {"type": row.media, "width": row.width, "height": row.height}
        picture |= {"sha256": row.digest, "source_sha256": row.given}
    return {"name": row.name, "revision": row.revision, "picture": picture, "placements": row.placements}


def stated(row: PlanRow) -> dict[str, Any]:
    """Return a plan as a site's file has it."""
    picture = {"picture": picture_name(row.name, row.media), "sha256": row.digest} if row.media else {}
    return {**picture, "placements": row.placements}

"""Use cases of plans: give one a picture, place things on it, take it away, in a unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devicemgr.errors import Hint, InvalidInput, PreconditionFailed
from devicemgr.site.plans import files
from devicemgr.site.plans.picture import Picture
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.areas import plans as rows
from devicemgr.store.database import Session
from devicemgr.store.zone_tables import PlanRow
from devicemgr.text import safe, slug

MAX_PLACEMENTS = 1_000
MAX_POINTS = 60
MAX_PLANS = 50

Kind = Literal["portal", "device", "zone"]
PerCent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_HINTS: Mapping[str, Hint] = {
    "portal": Hint("list_portals"),
    "device": Hint("list_devices"),
    "zone": Hint("list_zones"),
}


class Placement(BaseModel):
    """Where something stands on a plan: per cent of its width from the left, of its height from the top.

    `rotation` is in degrees, clockwise. A zone may have the corners of its area in `points`.
    """

    model_config = ConfigDict(extra="forbid")
    kind: Kind = Field(examples=["portal"])
    name: str = Field(max_length=63, examples=["main"])
    x: PerCent = Field(examples=[42.5])
    y: PerCent = Field(examples=[61.0])
    rotation: float = Field(0.0, ge=0, lt=360, allow_inf_nan=False, examples=[90.0])
    points: list[tuple[PerCent, PerCent]] = Field([], max_length=MAX_POINTS, examples=[[[10, 10], [40, 10], [40, 40]]])

    @field_validator("x", "y")
    @classmethod
    def _rounded(cls, value: float) -> float:
        return round(value, 2)

    @field_validator("rotation")
    @classmethod
    def _turned(cls, value: float) -> float:
        return round(value, 1) % 360

    @field_validator("points")
    @classmethod
    def _area(cls, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        if 0 < len(points) < 3:
            raise ValueError("an area has three corners or more")
        return [(round(x, 2), round(y, 2)) for x, y in points]

    def stated(self) -> dict[str, Any]:
        """Return what is stored: without `points` where there are none."""
        found = self.model_dump(mode="json")
        return found if self.points else {name: value for name, value in found.items() if name != "points"}


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A clean picture, and the name of the file in the home that holds it."""

    picture: Picture
    file: str


def put_picture(work: UnitOfWork, name: str, new: NewPicture, revision: int | None = None) -> tuple[PlanRow, bool]:
    """Add a plan with this picture, or give an existing one this picture in place of its own; its placements stay.

    Returns the plan, and True if it was added.
    """
    row, before = _found(work, name, revision)
    _set_picture(work, row, new)
    _record(work, row, before)
    return row, before is None


def set_placements(
    work: UnitOfWork, name: str, placements: Sequence[Placement], revision: int | None = None
) -> PlanRow:
    """Place exactly these things on a plan; the same again does nothing."""
    row = rows.plan(work.session, name)
    _require_revision(row, revision)
    before = _whole(row)
    row.placements = _checked(work.session, row.name, placements)
    _record(work, row, before)
    return row


def put_plan(work: UnitOfWork, name: str, placements: Sequence[Placement], new: NewPicture | None) -> None:
    """Add the plan of a site's file, or make an existing one this; without a new picture it keeps its own."""
    row, before = _found(work, name, None)
    row.placements = _checked(work.session, name, placements)
    if new is not None:
        _set_picture(work, row, new)
    _record(work, row, before)


def remove_plan(work: UnitOfWork, name: str, revision: int | None = None) -> None:
    """Remove a plan; its picture is erased behind the commit."""
    row = rows.plan(work.session, name)
    _require_revision(row, revision)
    work.record("admin.plan_removed", {"plan": name}, before=_whole(row))
    _discard(work, row.file)
    work.session.delete(row)
    work.session.flush()


def forget(work: UnitOfWork, kind: Kind, name: str) -> None:
    """Take what is removed from the site from all plans."""
    for row in rows.plans(work.session):
        left = [one for one in row.placements if (one["kind"], one["name"]) != (kind, name)]
        if len(left) < len(row.placements):
            before, row.placements = _whole(row), left
            _record(work, row, before)


def _found(work: UnitOfWork, name: str, revision: int | None) -> tuple[PlanRow, dict[str, Any] | None]:
    """Return the plan with what it was before the change, None for one that is new."""
    row = work.session.get(PlanRow, name)
    if row is not None:
        _require_revision(row, revision)
        return row, _whole(row)
    if len(rows.plans(work.session)) >= MAX_PLANS:
        raise InvalidInput(f"the site has {MAX_PLANS} plans; remove one first", hint=Hint("list_plans"))
    row = PlanRow(name=slug("plan", name), revision=0, width=0, height=0, placements=[])
    work.session.add(row)
    return row, None


def _whole(row: PlanRow) -> dict[str, Any]:
    return {"picture": row.digest, "placements": row.placements}


def _require_revision(row: PlanRow, revision: int | None) -> None:
    if revision is not None and revision != row.revision:
        raise PreconditionFailed(
            f"plan '{row.name}' was changed since it was opened; open it again, then repeat the change",
            code="plan_changed",
            facts={"name": row.name, "revision": row.revision},
        )


def _set_picture(work: UnitOfWork, row: PlanRow, new: NewPicture) -> None:
    """Let a plan have a picture; the file of the one before is deleted behind the commit."""
    _discard(work, row.file)
    row.file, row.media = new.file, new.picture.media
    row.digest, row.given = new.picture.digest, new.picture.given
    row.width, row.height = new.picture.width, new.picture.height


def _discard(work: UnitOfWork, file: str | None) -> None:
    """Delete the file of a picture behind the commit, and with it what an interrupted call left."""
    others = frozenset(row.file for row in rows.plans(work.session) if row.file and row.file != file)
    work.after.append(partial(files.remove, work.site.home, [file]))
    work.after.append(partial(files.sweep, work.site.home, others))


def _record(work: UnitOfWork, row: PlanRow, before: Mapping[str, Any] | None) -> None:
    """Record what was added, or what has changed: of the placements only those that are not as before."""
    after = _whole(row)
    if before == after:
        return
    row.revision += 1
    work.session.flush()
    if before is None:
        work.record("admin.plan_added", {"plan": row.name}, after=after)
        return
    was, now = _by_thing(before), _by_thing(after)
    gone = [one for thing, one in was.items() if now.get(thing) != one]
    come = [one for thing, one in now.items() if was.get(thing) != one]
    work.record(
        "admin.plan_edited",
        {"plan": row.name},
        before={"picture": before["picture"], "placements": gone},
        after={"picture": after["picture"], "placements": come},
    )


def _by_thing(state: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["kind"], one["name"]): one for one in state["placements"]}


def _checked(session: Session, plan: str, placements: Iterable[Placement]) -> list[dict[str, Any]]:
    """Return what is stored of placements; InvalidInput for what is not there, or is placed twice."""
    found = [one.stated() for one in placements]
    if len(found) > MAX_PLACEMENTS:
        raise InvalidInput(f"plan '{safe(plan, 60)}' has {len(found)} things on it; use at most {MAX_PLACEMENTS}")
    placed: set[tuple[str, str]] = set()
    known = {kind: rows.names_of(session, kind) for kind in {one["kind"] for one in found}}
    for one in found:
        kind, name = one["kind"], one["name"]
        if name not in known[kind]:
            raise InvalidInput(
                f"plan '{safe(plan, 60)}' places {kind} '{safe(name, 60)}', which is not there",
                code="placed_not_found",
                facts={"kind": kind, "name": safe(name, 60)},
                hint=_HINTS[kind],
            )
        if (kind, name) in placed:
            raise InvalidInput(f"{kind} '{name}' is on plan '{safe(plan, 60)}' twice; place it once")
        placed.add((kind, name))
    return found

"""/musters: who is missing, from the memory of the daemon: a muster begins whatever the database does."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from devicemgr.access.musters import archive
from devicemgr.access.musters.desk import as_recorded
from devicemgr.api.authorization import sees_names
from devicemgr.api.context import Caller, Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.domain.rules.musters.roll import Found, Mark, Marking, MusterView
from devicemgr.errors import Hint, NotFound, StorageFailed
from devicemgr.operations.muster_states import listed_json, muster_json, unnamed_json
from devicemgr.store.ledger import musters as rows
from devicemgr.store.site import zones
from devicemgr.text import badge_key, parse_time, safe

router = APIRouter(prefix="/musters", tags=["musters"])

_MAX_ENDED = 50
MarkName = Annotated[
    Literal["safe", "not_here", "missing"],
    Field(description="missing takes back what the same operator has marked before; marks of others stay."),
]
ZoneName = Annotated[str | None, Field(None, max_length=63, examples=["building"], description="Null: the whole site.")]


class MusterStart(RequestBody):
    """Where to begin a muster, and whether it is only a drill."""

    zone: ZoneName
    drill: bool = False


class MusterArm(RequestBody):
    """Where a fire input begins a muster by itself."""

    zone: ZoneName


class MusterArmed(ResponseBody):
    """The zones in which a fire input begins a muster; null stands for the whole site."""

    zones: list[str | None] = Field(examples=[["building"]])


class MusterMark(RequestBody):
    """What a guard knows of a person; `reason` is required for one who is not here."""

    badge: str = Field(max_length=64, examples=["1042"])
    mark: MarkName
    reason: str = Field("", max_length=200, examples=["on a business trip"])
    at: str | None = Field(
        None,
        max_length=64,
        examples=["2026-12-16T08:30:00Z"],
        description="When it was marked, for a mark that waited to be sent; now if it is absent. Sent again with the "
        "same time, it is recorded once. Without `muster` it counts in the musters that ran at that time.",
    )
    muster: str | None = Field(None, max_length=100, description="One muster; else all that list the person.")


class Marked(ResponseBody):
    """A mark of a person: an operator, or `portal:NAME` for a badge or face shown at an assembly zone."""

    mark: MarkName
    by: str = Field(examples=["operator:aigul"])
    at: Time
    reason: str | None


class PersonOnList(ResponseBody):
    """A person on the list, with the zone of their last recorded passage."""

    badge: str | None = Field(examples=["1042"], description="Null for one who was erased since.")
    name: str | None = Field(None, examples=["Aigul Serik"], description="For guards and admins.")
    zone: str = Field(examples=["lab"])
    since: Time
    marks: list[Marked] = Field(description="All of them, also those that contradict each other: safe wins.")
    late: bool = Field(description="Put on the list, or taken off it, by what a console reported late.")


class MusterShort(ResponseBody):
    """A muster and how many people were found."""

    id: str = Field(examples=["building-20261130-101500"])
    state: Literal["running", "ended"]
    zone: str | None = Field(examples=["building"], description="Null: the whole site.")
    drill: bool
    started: Time
    ended: Time | None
    by: str | None
    because: str | None = Field(examples=["fire"])
    totals: dict[str, int] = Field(examples=[{"missing": 2, "safe": 37, "out": 1, "not_here": 0}])


class Muster(MusterShort):
    """A muster with its list, by zone and badge."""

    missing: list[PersonOnList]
    safe: list[PersonOnList]
    out: list[PersonOnList]
    not_here: list[PersonOnList]
    unnamed: int = Field(
        description="So many were inside at the beginning without being recognized; below 0, so many had left so."
    )
    unnamed_out: int = Field(description="So many left since without being recognized.")
    unnamed_in: int


@router.get("", response_model=list[MusterShort])
def list_musters(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List musters, the newest first: those that run, and the last that have ended."""
    running = [muster_json(view) for view in context.runtime.musters.running()][::-1]
    known = {one["id"] for one in running}
    return running + [muster_json(view) for view in _ended(context) if view.muster.id not in known]


def _ended(context: Ctx) -> list[MusterView]:
    with suppress(StorageFailed), context.site.database.read() as session:
        return [_stored(stored) for stored in rows.ended(session, _MAX_ENDED)]
    return []


def _stored(stored: rows.StoredMuster) -> MusterView:
    return MusterView(archive.load(stored.roll), archive.found_in(stored.roll))


@router.post("", response_model=Muster, status_code=201)
def start(body: MusterStart, context: Ctx, caller: Who) -> dict[str, Any]:
    """Begin a muster with those who are recorded in the zone at this moment."""
    return _whole(context.runtime.musters.start(body.zone, caller.actor, is_drill=body.drill), context, caller)


@router.get("/armed", response_model=MusterArmed)
def show_armed(context: Ctx, _: Who) -> dict[str, Any]:
    """Show where a fire input begins a muster."""
    return _armed_json(context.runtime.musters.armed)


@router.put("/armed", response_model=MusterArmed)
def arm(body: MusterArm, context: Ctx, caller: Who) -> dict[str, Any]:
    """Let a fire input begin a muster of the zone from now on, also after a restart."""
    return _set_armed(context, caller, body.zone, is_armed=True)


@router.delete("/armed", response_model=MusterArmed)
def disarm(context: Ctx, caller: Who, zone: Annotated[str | None, Query(max_length=63)] = None) -> dict[str, Any]:
    """Let a fire input begin no muster of the zone any more; without a zone, of the whole site."""
    return _set_armed(context, caller, zone, is_armed=False)


def _set_armed(context: Ctx, caller: Caller, zone: str | None, *, is_armed: bool) -> dict[str, Any]:
    with context.change(caller, changes_site=False) as work:
        if zone is not None and is_armed:
            zones.zone(work.session, zone)
        before = rows.armed(work.session)
        after = before | {zone} if is_armed else before - {zone}
        if after != before:
            rows.set_armed(work.session, after)
            work.record("admin.muster_armed" if is_armed else "admin.muster_disarmed", {"zone": zone})
    context.runtime.musters.set_armed(after)
    return _armed_json(after)


def _armed_json(armed: frozenset[str | None]) -> dict[str, Any]:
    return {"zones": sorted(armed, key=lambda zone: zone or "")}


@router.post("/marks", response_model=list[MusterShort])
def mark(body: MusterMark, context: Ctx, caller: Who) -> list[dict[str, Any]]:
    """Mark a person as safe or not here, or take one's own marks back, in the running musters that list them."""
    person = context.runtime.rules().badges.get(badge_key(body.badge))
    if person is None:
        raise NotFound(f"there is no person with badge '{safe(body.badge, 64)}'", hint=Hint("list_people"))
    at = parse_time(body.at) if body.at is not None else datetime.now(UTC)
    marking = Marking(Mark(body.mark), caller.actor, as_recorded(at), body.reason.strip())
    found = context.runtime.musters.mark(body.muster, person, marking)
    return [muster_json(view) for view in found]


@router.get("/{muster}", response_model=Muster)
def show(muster: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Show a muster and its list, running or ended."""
    running = context.runtime.musters.running()
    view = next((view for view in running if view.muster.id == muster), None)
    if view is None:
        with context.site.database.read() as session:
            stored = rows.find(session, muster)
        if stored is None or stored.ended_seq is None:
            raise NotFound(f"there is no muster '{safe(muster, 100)}'", hint=Hint("list_musters"))
        view = _stored(stored)
    return _whole(view, context, caller)


@router.post("/{muster}/end", response_model=Muster)
def end(muster: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """End a muster, and record its totals."""
    return _whole(context.runtime.musters.end(muster, caller.actor), context, caller)


def _whole(view: MusterView, context: Ctx, caller: Caller) -> dict[str, Any]:
    people, names = context.runtime.rules().people, sees_names(caller)
    lists: dict[str, list[dict[str, Any]]] = {str(found): [] for found in Found}
    for person, listed in view.muster.people.items():
        known = people.get(person)
        name = {"name": known.name if known else None} if names else {}
        lists[str(view.found[person])].append(listed_json(listed, known) | name)
    for found in lists.values():
        found.sort(key=lambda one: (one["zone"], one["badge"] or ""))
    return muster_json(view) | lists | unnamed_json(view)

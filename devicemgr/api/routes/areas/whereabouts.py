"""Who is in which zone: read, reset and counted by guards."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from devicemgr.api.authorization import sees_names
from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.domain.rules.areas.presences import ZoneCount
from devicemgr.site.areas import whereabouts
from devicemgr.store.people import people
from devicemgr.store.site import zones as rows
from devicemgr.text import rfc3339

router = APIRouter(tags=["zones"])

Why = Annotated[str, Field(min_length=1, max_length=200, examples=["left by the fire exit"])]


class WhereaboutsReset(RequestBody):
    """Why what is recorded of people's places no longer counts."""

    reason: Why


class OccupancySet(RequestBody):
    """How many people a guard has counted in a zone."""

    count: int = Field(ge=0, le=100_000)


class PersonInZone(ResponseBody):
    """A person who is recorded in a zone, and how that is known: passage, release, device, or a guard."""

    badge: str = Field(examples=["1042"])
    name: str | None = Field(None, examples=["Aigul Serik"], description="For guards and admins.")
    zone: str = Field(examples=["lab"], description="The zone itself, or the one below it where the person is.")
    since: Time
    how: str = Field(examples=["passage"])


class ZonePeople(ResponseBody):
    """Who is in a zone and those below it; `count` is the number that its limits go by."""

    name: str = Field(examples=["building"])
    count: int
    max: int | None
    people: list[PersonInZone]
    unnamed: int = Field(description="Who passed without being recognized, less those who left so; may be below 0.")
    coming: int = Field(description="Who was granted entry and has not passed yet.")
    unsure: bool = Field(description="A device at the zone's border is away or unread.")


class WhereaboutsCorrected(ResponseBody):
    """What was corrected; `place` is where the person counts as being from now on, null for unknown."""

    zone: str | None = Field(None, examples=["building"])
    badge: str | None = Field(None, examples=["1042"])
    place: str | None = Field(None, examples=["outside"])
    count: int | None = None


@router.get("/zones/{name}/people", response_model=ZonePeople)
def list_people_in_zone(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """List who is recorded in a zone and those below it."""
    presences, rules = context.runtime.whereabouts(), context.runtime.rules()
    with context.site.database.read() as session:
        limit = rows.zone_json(rows.zone(session, name))["max"]
    inside, known = rules.zone_map.below(name), rules.people
    found = [
        {"badge": known[person].badge}
        | ({"name": known[person].name} if sees_names(caller) else {})
        | {"zone": place.zone, "since": rfc3339(place.since), "how": str(place.how)}
        for person, place in presences.people.items()
        if place.zone in inside and person in known
    ]
    counted = presences.counts.get(name, ZoneCount(0, 0, 0))
    return {
        "name": name,
        "count": counted.count,
        "max": limit,
        "people": sorted(found, key=lambda one: str(one["badge"])),
        "unnamed": counted.unnamed,
        "coming": counted.coming,
        "unsure": name in presences.unsure,
    }


@router.post("/zones/reset", response_model=WhereaboutsCorrected)
def reset_all(body: WhereaboutsReset, context: Ctx, caller: Who) -> dict[str, Any]:
    """Forget where everyone is: no one is refused for where they are recorded until they pass again."""
    with context.change(caller, changes_site=False) as work:
        whereabouts.reset_all(work, body.reason)
    return {"zone": None}


@router.post("/zones/{name}/reset", response_model=WhereaboutsCorrected)
def reset_zone(name: str, body: WhereaboutsReset, context: Ctx, caller: Who) -> dict[str, Any]:
    """Forget who is in a zone and those below it, with its unnamed people."""
    with context.change(caller, changes_site=False) as work:
        whereabouts.reset_zone(work, name, body.reason)
    return {"zone": name}


@router.put("/zones/{name}/count", response_model=WhereaboutsCorrected)
def set_count(name: str, body: OccupancySet, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set how many people are in a zone, as counted; the difference to those who are known counts as unnamed."""
    with context.change(caller, changes_site=False) as work:
        whereabouts.set_count(work, name, body.count)
    return {"zone": name, "count": body.count}


@router.post("/people/{badge}/forgive", response_model=WhereaboutsCorrected)
def forgive(badge: str, body: WhereaboutsReset, context: Ctx, caller: Who) -> dict[str, Any]:
    """Record a person where they stand: on the side where anti-passback refused them last, else nowhere."""
    with context.change(caller, changes_site=False) as work:
        person = people.get(work.session, badge)
        place = context.runtime.near_side(person.id)
        whereabouts.forgive(work, person, place, body.reason)
    return {"badge": badge, "place": place}

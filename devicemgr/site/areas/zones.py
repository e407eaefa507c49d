"""Use cases of zones and interlocks: add, edit, replace and remove them in a unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from devicemgr.domain.rules.schedules import parse_timezone
from devicemgr.domain.zones import OUTSIDE, Enforcement
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.plans import service as plans
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.areas import threats as threat_rows
from devicemgr.store.database import Session
from devicemgr.store.site import settings, zones as rows
from devicemgr.store.tables import LevelRow, PortalRow
from devicemgr.store.zone_tables import InterlockRow, ZoneRow
from devicemgr.text import safe, slug

F = TypeVar("F", bound=BaseModel)

MAX_DEPTH = 16
MAX_PEOPLE = 100_000


def _minute_of_day(text: str) -> str:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError("write a time of day, such as 04:00") from error
    if found.tzinfo is not None or len(text) != len("04:00"):
        raise ValueError("write a time of day, such as 04:00")
    return text


def _known_timezone(text: str) -> str:
    try:
        return parse_timezone(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from error


MinuteOfDay = Annotated[str, AfterValidator(_minute_of_day), Field(examples=["04:00"])]
TimezoneName = Annotated[str, AfterValidator(_known_timezone), Field(examples=["Asia/Almaty"])]
People = Annotated[int, Field(ge=1, le=MAX_PEOPLE)]


class ZoneFields(BaseModel):
    """A zone without its name (domain.zones.Zone); without a `timezone` the site's holds for `forget_at`."""

    model_config = ConfigDict(extra="forbid")
    parent: str | None = None
    anti_passback: Enforcement = Enforcement.OFF
    exit_check: Enforcement = Enforcement.OFF
    strict_path: bool = False
    again_after_minutes: int = Field(0, ge=0, le=1440)
    forget_after_minutes: int = Field(0, ge=0, le=10080)
    forget_at: MinuteOfDay | None = None
    timezone: TimezoneName | None = None
    when_unsure: Enforcement = Enforcement.SOFT
    max: People | None = None
    min: People | None = None
    warn_at: list[People] = Field([], max_length=8)
    opens_with: list[str] = Field([], max_length=32, examples=[["supervisors"]])
    while_present: bool = False
    assembly: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "ZoneFields":
        if self.when_unsure is Enforcement.OFF:
            raise ValueError("when_unsure is soft or hard")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ValueError("min is above max")
        if self.max is not None and any(count > self.max for count in self.warn_at):
            raise ValueError("warn_at is above max")
        if self.while_present and not self.opens_with:
            raise ValueError("while_present needs opens_with")
        return self

    def rules(self) -> dict[str, Any]:
        """Return what is stored: all that is not as by default."""
        stated = self.model_dump(mode="json", exclude={"parent"})
        stated["warn_at"] = sorted(set(self.warn_at))
        stated["opens_with"] = sorted(set(self.opens_with))
        return {name: value for name, value in stated.items() if value != rows.DEFAULTS[name]}


class InterlockFields(BaseModel):
    """An interlock without its name: at most one of its portals is not shut."""

    model_config = ConfigDict(extra="forbid")
    portals: list[str] = Field(min_length=2, max_length=16, examples=[["trap-in", "trap-out"]])
    settle_seconds: float = Field(3.0, ge=0, le=60)


def add_zone(work: UnitOfWork, name: str, fields: ZoneFields) -> ZoneRow:
    """Add a zone; AlreadyExists if the name is taken, NotFound for an unknown parent."""
    name = slug("zone", name)
    if name == OUTSIDE:
        raise InvalidInput(f"'{OUTSIDE}' is the world outside and needs no zone; choose another name")
    if work.session.get(ZoneRow, name):
        raise AlreadyExists(f"zone '{name}' exists; choose another name", hint=Hint("edit_zone", name=name))
    _require_parent(work.session, name, fields.parent)
    _require_timezone(work.session, fields)
    row = ZoneRow(name=name, parent=fields.parent, rules=fields.rules())
    work.session.add(row)
    work.session.flush()
    work.record("admin.zone_added", {"zone": name}, after=_rights_of(row))
    return row


def put_zone(work: UnitOfWork, name: str, fields: ZoneFields) -> tuple[ZoneRow, bool]:
    """Add the zone, or give an existing one exactly these values; return it, and True if it was added."""
    row = work.session.get(ZoneRow, name)
    if row is None:
        return add_zone(work, name, fields), True
    before = _rights_of(row)
    _require_parent(work.session, name, fields.parent)
    _require_timezone(work.session, fields)
    row.parent, row.rules = fields.parent, fields.rules()
    if (after := _rights_of(row)) != before:
        work.session.flush()
        work.record("admin.zone_edited", {"zone": name}, before=before, after=after)
    return row, False


def edit_zone(work: UnitOfWork, name: str, given: dict[str, Any]) -> ZoneRow:
    """Change the given fields of a zone; raises InvalidInput if they do not fit the others."""
    fields = changed(ZoneFields, "zone", rows.zone_json(rows.zone(work.session, name)), given)
    return put_zone(work, name, fields)[0]


def changed(fields: type[F], what: str, current: Mapping[str, Any], given: Mapping[str, Any]) -> F:
    """Return the fields of `current`, which has a name besides, with those that are given.

    Raises InvalidInput if they do not fit; `what` says what it is, such as "zone".
    """
    try:
        return fields.model_validate({field: value for field, value in current.items() if field != "name"} | {**given})
    except ValueError as error:
        raise InvalidInput(f"{what} '{current['name']}': {first_error(error)}") from error


def first_error(error: ValueError) -> str:
    """Return what a model's first error says, in one line."""
    errors = getattr(error, "errors", None)
    text = errors()[0]["msg"] if errors is not None else str(error)
    return safe(text.removeprefix("Value error, "), 200)


def remove_zone(work: UnitOfWork, name: str) -> None:
    """Remove a zone that no portal leads to and that has no zone below it."""
    row = rows.zone(work.session, name)
    if portals := rows.portals_at(work.session, name):
        raise RequestError(f"portal '{portals[0]}' leads to zone '{name}'", hint=Hint("edit_portal", name=portals[0]))
    if below := rows.children(work.session, name):
        raise RequestError(f"zone '{below[0]}' lies in zone '{name}'", hint=Hint("edit_zone", name=below[0]))
    if threats := threat_rows.threats_over(work.session, name):
        raise RequestError(f"threat '{threats[0]}' is for zone '{name}'", hint=Hint("edit_threat", name=threats[0]))
    work.record("admin.zone_removed", {"zone": name}, before=_rights_of(row))
    work.session.delete(row)
    work.session.flush()
    plans.forget(work, "zone", name)


def require_zones(session: Session, outside: str | None, inside: str | None) -> None:
    """Raise InvalidInput unless a portal may join these: both known and different, or neither."""
    if (outside is None) != (inside is None):
        raise InvalidInput("a portal joins two zones or none; give both its outside and its inside")
    if inside is None:
        return
    if inside == outside:
        raise InvalidInput(f"a portal leads from one zone to another; '{safe(inside, 60)}' is on both its sides")
    for name in (outside, inside):
        if name not in (None, OUTSIDE):
            rows.zone(session, str(name))


def require_levels(session: Session, names: Iterable[str] | None = None) -> None:
    """Raise InvalidInput if a zone, of these names or of all, opens with a level that is not there."""
    wanted = None if names is None else set(names)
    for row in rows.zones(session):
        if wanted is None or row.name in wanted:
            for level in row.rules.get("opens_with", ()):
                if session.get(LevelRow, level) is None:
                    raise InvalidInput(
                        f"zone '{row.name}' opens with level '{safe(level, 60)}', which is not there",
                        hint=Hint("list_levels"),
                    )


def add_interlock(work: UnitOfWork, name: str, fields: InterlockFields) -> InterlockRow:
    """Add an interlock; AlreadyExists if the name is taken, NotFound for an unknown portal."""
    name = slug("interlock", name)
    if work.session.get(InterlockRow, name):
        raise AlreadyExists(f"interlock '{name}' exists; choose another name")
    row = InterlockRow(name=name, portals=_members(work.session, fields.portals), settle_seconds=fields.settle_seconds)
    work.session.add(row)
    work.session.flush()
    work.record("admin.interlock_added", {"interlock": name}, after=_rights_of_interlock(row))
    return row


def put_interlock(work: UnitOfWork, name: str, fields: InterlockFields) -> tuple[InterlockRow, bool]:
    """Add the interlock, or give an existing one exactly these values; return it, and True if it was added."""
    row = work.session.get(InterlockRow, name)
    if row is None:
        return add_interlock(work, name, fields), True
    before = _rights_of_interlock(row)
    row.portals, row.settle_seconds = _members(work.session, fields.portals), fields.settle_seconds
    if (after := _rights_of_interlock(row)) != before:
        work.session.flush()
        work.record("admin.interlock_edited", {"interlock": name}, before=before, after=after)
    return row, False


def remove_interlock(work: UnitOfWork, name: str) -> None:
    """Remove an interlock; its portals open independently from then on."""
    row = rows.interlock(work.session, name)
    work.record("admin.interlock_removed", {"interlock": name}, before=_rights_of_interlock(row))
    work.session.delete(row)
    work.session.flush()


def _members(session: Session, portals: Sequence[str]) -> list[str]:
    names = sorted(set(portals))
    if len(names) < 2:
        raise InvalidInput("an interlock is between two portals or more")
    for name in names:
        if session.get(PortalRow, name) is None:
            raise InvalidInput(f"there is no portal '{safe(name, 60)}'", hint=Hint("list_portals"))
    return names


def _require_parent(session: Session, name: str, parent: str | None) -> None:
    """Raise NotFound for an unknown parent, InvalidInput for one that lies in the zone itself."""
    above, depth = parent, 1
    while above is not None:
        if above == name:
            raise InvalidInput(f"zone '{safe(str(parent), 60)}' lies in zone '{name}', which can't lie in it")
        depth += 1
        if depth > MAX_DEPTH:
            raise InvalidInput(f"zones lie in each other at most {MAX_DEPTH} deep")
        above = rows.zone(session, above).parent


def _require_timezone(session: Session, fields: ZoneFields) -> None:
    if fields.forget_at and not (fields.timezone or settings.load(session).timezone):
        raise InvalidInput("forget_at is a time of which zone? give the zone a timezone, or set that of the site")


def _rights_of(row: ZoneRow) -> dict[str, Any]:
    return {name: value for name, value in rows.zone_json(row).items() if name != "name"}


def _rights_of_interlock(row: InterlockRow) -> dict[str, Any]:
    return {"portals": row.portals, "settle_seconds": row.settle_seconds}

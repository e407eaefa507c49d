"""Use cases of threats as they are defined: add, edit, replace and remove them in a unit of work."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from devicemgr.domain.model import Requirement
from devicemgr.domain.rules.threats.threat import SITE, FreePortals
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.areas.zones import changed
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.areas import threats as rows
from devicemgr.store.database import Session
from devicemgr.store.tables import LevelRow
from devicemgr.store.zone_tables import ThreatRow, ZoneRow
from devicemgr.text import safe, slug


class ThreatFields(BaseModel):
    """A threat without its name (domain.rules.threats.Threat); exits through ways of escape are always `free`."""

    model_config = ConfigDict(extra="forbid")
    order: int = Field(1, ge=0, le=99)
    require: Requirement = Requirement.ANY
    allow: list[str] = Field([], max_length=32, examples=[["responders"]])
    scope: list[str] = Field([SITE], min_length=1, max_length=64, examples=[["lab"]])
    free: FreePortals = FreePortals.SUSPEND
    egress: Literal["free"] = "free"

    def rules(self) -> dict[str, Any]:
        """Return what is stored: all that is not as by default."""
        stated = self.model_dump(mode="json")
        stated["allow"] = sorted(set(self.allow))
        stated["scope"] = sorted(set(self.scope))
        return {name: value for name, value in stated.items() if value != rows.DEFAULTS[name]}


def add_threat(work: UnitOfWork, name: str, fields: ThreatFields) -> ThreatRow:
    """Add a threat; AlreadyExists if the name is taken, NotFound for an unknown zone."""
    name = slug("threat", name)
    if work.session.get(ThreatRow, name):
        raise AlreadyExists(f"threat '{name}' exists; choose another name", hint=Hint("edit_threat", name=name))
    _require_scope(work.session, fields)
    row = ThreatRow(name=name, rules=fields.rules())
    work.session.add(row)
    work.session.flush()
    work.record("admin.threat_added", {"threat": name}, after=_rights_of(row))
    return row


def put_threat(work: UnitOfWork, name: str, fields: ThreatFields) -> tuple[ThreatRow, bool]:
    """Add the threat, or give an existing one exactly these values; return it, and True if it was added."""
    row = work.session.get(ThreatRow, name)
    if row is None:
        return add_threat(work, name, fields), True
    _require_scope(work.session, fields)
    before, row.rules = _rights_of(row), fields.rules()
    if (after := _rights_of(row)) != before:
        work.session.flush()
        work.record("admin.threat_edited", {"threat": name}, before=before, after=after)
    return row, False


def edit_threat(work: UnitOfWork, name: str, given: dict[str, Any]) -> ThreatRow:
    """Change the given fields of a threat; raises InvalidInput if they do not fit."""
    fields = changed(ThreatFields, "threat", rows.threat_json(rows.threat(work.session, name)), given)
    return put_threat(work, name, fields)[0]


def remove_threat(work: UnitOfWork, name: str) -> None:
    """Remove a threat that is not in force."""
    row = rows.threat(work.session, name)
    if name in rows.in_force(work.session):
        raise RequestError(f"threat '{name}' is in force; it is ended first", hint=Hint("end_threat", name=name))
    work.record("admin.threat_removed", {"threat": name}, before=_rights_of(row))
    work.session.delete(row)
    work.session.flush()


def require_levels(session: Session) -> None:
    """Raise InvalidInput if a threat allows a level that is not there."""
    for row in rows.threats(session):
        for level in row.rules.get("allow", ()):
            if session.get(LevelRow, level) is None:
                raise InvalidInput(
                    f"threat '{row.name}' allows level '{safe(level, 60)}', which is not there",
                    hint=Hint("list_levels"),
                )


def _require_scope(session: Session, fields: ThreatFields) -> None:
    for zone in set(fields.scope) - {SITE}:
        if session.get(ZoneRow, zone) is None:
            raise InvalidInput(
                f"there is no zone '{safe(zone, 60)}' for the threat's scope; `site` stands for all portals",
                hint=Hint("list_zones"),
            )


def _rights_of(row: ThreatRow) -> dict[str, Any]:
    return {name: value for name, value in rows.threat_json(row).items() if name != "name"}

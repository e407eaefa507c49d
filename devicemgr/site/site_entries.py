"""The tables of a site's file: as the site has them now, and as a file wants them, checked and with defaults."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devicemgr.domain.device_profile import Profile
from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.zones import Waiver
from devicemgr.errors import Hint, InvalidInput
from devicemgr.ledger import anchors
from devicemgr.site import access_levels, devices, site_file
from devicemgr.site.areas.threats import ThreatFields
from devicemgr.site.areas.zones import InterlockFields, ZoneFields
from devicemgr.site.groups import departments
from devicemgr.site.hours.entries import CalendarEntry, checked_entry, entry_of
from devicemgr.site.outlets.fields import OutletFields
from devicemgr.site.plans.entries import PlanEntry
from devicemgr.site.portals import PortalFields
from devicemgr.site.site import Site
from devicemgr.site.sources.fields import SourceFields
from devicemgr.store.areas import plans as plan_rows, threats as threat_rows
from devicemgr.store.database import Session
from devicemgr.store.outlets import rows as outlet_rows
from devicemgr.store.people import departments as department_rows, sources as source_rows
from devicemgr.store.site import (
    access_levels as level_rows,
    calendars as calendar_rows,
    devices as device_rows,
    portals as portal_rows,
    provisioning,
    settings,
    zones as zone_rows,
)
from devicemgr.store.tables import LevelRow
from devicemgr.text import safe, slug

Entry = TypeVar("Entry", bound=BaseModel)


class DeviceEntry(BaseModel):
    """A device of a site's file, which never holds a password."""

    model_config = ConfigDict(extra="forbid")
    driver: str
    address: str
    username: str | None = None
    options: dict[str, Any] = {}
    profile: str | None = None


class ScheduleEntry(BaseModel):
    """Weekly windows as `mon-fri 08:00-18:00`, and holidays as ISO dates and `@calendar`."""

    model_config = ConfigDict(extra="forbid")
    windows: list[str] = Field(min_length=1)
    timezone: str
    holidays: list[str] = []


class LevelEntry(BaseModel):
    """Portals that a level covers, always or, as PORTAL@SCHEDULE, in the hours of a schedule."""

    model_config = ConfigDict(extra="forbid")
    portals: list[str] = Field(min_length=1)
    waives: list[Waiver] = []
    visitors: bool = True
    escorts: bool = False
    escort_up_to: int = Field(5, ge=1, le=access_levels.MAX_ESCORTED)


class DepartmentEntry(BaseModel):
    """Levels that all people of a department hold."""

    model_config = ConfigDict(extra="forbid")
    levels: list[str] = Field(min_length=1)


def current(session: Session) -> site_file.Document:
    """Return the tables of the site as it is."""
    found = settings.load(session)
    rows = [portal_rows.portal_json(row) for row in portal_rows.portals(session)]
    return {
        "site": found.model_dump(mode="json", exclude={"model"}),
        "model": _stated(found.model),
        "calendars": {row.name: entry_of(row) for row in calendar_rows.calendars(session)},
        "schedules": {
            row.name: {"windows": row.windows, "timezone": row.timezone, "holidays": row.holidays}
            for row in level_rows.schedules(session)
        },
        "profiles": provisioning.all_stated(session),
        "devices": {
            row.name: _device(row.driver, row.address, row.username, row.options, row.profile)
            for row in device_rows.devices(session)
        },
        "zones": _parents_first({row.name: _stated_zone(row.parent, row.rules) for row in zone_rows.zones(session)}),
        "portals": {
            row["name"]: _stated_portal({name: row[name] for name in row if name in PortalFields.model_fields})
            for row in rows
        },
        "interlocks": {
            row.name: {"portals": row.portals, "settle_seconds": row.settle_seconds}
            for row in zone_rows.interlocks(session)
        },
        "levels": {row.name: _stated_level(_covered(row), row.waives, row) for row in level_rows.levels(session)},
        "threats": {row.name: _stated_threat(row.rules) for row in threat_rows.threats(session)},
        "departments": {
            name: {"levels": list(levels)} for name, levels in department_rows.levels_by_department(session).items()
        },
        "sources": {row.name: row.stated for row in source_rows.sources(session)},
        "plans": {row.name: plan_rows.stated(row) for row in plan_rows.plans(session)},
        "outlets": {row.name: row.stated for row in outlet_rows.outlets(session)},
    }


def checked(site: Site, found: site_file.Document) -> site_file.Document:
    """Return a file's tables as `current` has them: checked, with defaults for what is absent.

    Devices load their vendors' libraries and the face model is tried, so call it outside any transaction.
    """
    wanted: site_file.Document = {}
    if "site" in found:
        wanted["site"] = _settings(site, found["site"])
    if "model" in found:
        wanted["model"] = _model(site, found["model"])
    readers = {
        "calendars": _calendar,
        "schedules": _schedule,
        "profiles": _profile,
        "devices": _checked_device,
        "zones": _zone,
        "portals": _portal,
        "interlocks": _interlock,
        "levels": _level,
        "threats": _threat,
        "departments": _department,
        "sources": _source,
        "plans": _plan,
        "outlets": _outlet,
    }
    for kind, read in readers.items():
        if kind in found:
            entries = found[kind].items()
            wanted[kind] = {_checked_name(kind, name): read(site, name, fields) for name, fields in entries}
    if "zones" in wanted:
        wanted["zones"] = _parents_first(wanted["zones"])
    return wanted


def _checked_name(kind: str, name: str) -> str:
    return departments.checked_name(name) if kind == "departments" else slug(kind[:-1], name)


def _settings(site: Site, fields: Mapping[str, Any]) -> dict[str, Any]:
    with site.database.read() as session:
        before = settings.load(session)
    stated = _read(settings.Settings, "[site]", before.model_dump(exclude={"model"}) | dict(fields))
    anchors.require_outside(stated.anchors, site.home.path)
    return stated.model_dump(mode="json", exclude={"model"})


def _read(model: type[Entry], where: str, fields: Mapping[str, Any]) -> Entry:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            safe(f"{where} in the site's file: {at}: {first['msg'].removeprefix('Value error, ')}")
        ) from error


def _stated(model: FaceModel | None) -> dict[str, Any]:
    """Return the model as the file has it, without what is as it is by default."""
    return model.model_dump(mode="json", exclude_defaults=True) if model else {}


def _model(site: Site, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model with its file's digest, after trying it; an empty table takes the model away."""
    if not fields:
        return {}
    stated = _read(FaceModel, "[model]", fields)
    proven = site.parts.faces.prove(stated)
    if stated.sha256 not in ("", proven.sha256):
        raise InvalidInput(f"{proven.path} is another file than the site's file says (sha256); see which one you want")
    return _stated(proven)


def _calendar(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return checked_entry(_read(CalendarEntry, f"[calendars.{name}]", fields))


def _schedule(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    entry = _read(ScheduleEntry, f"[schedules.{name}]", fields)
    return access_levels.schedule_values(entry.windows, entry.timezone, entry.holidays)


def _profile(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _read(Profile, f"[profiles.{name}]", fields).stated()


def _checked_device(site: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    if "password" in fields:
        raise InvalidInput(
            f"[devices.{name}]: no password belongs into a file", hint=Hint("edit_device_password", name=safe(name, 60))
        )
    entry = _read(DeviceEntry, f"[devices.{name}]", fields)
    address = devices.checked_address(entry.address)
    config = DeviceConfig("", name, entry.driver, address, entry.username, None, entry.options)
    try:
        options = devices.checked_config(site, config).options
    except InvalidInput as error:
        raise InvalidInput(f"[devices.{name}] in the site's file: {error}") from error
    return _device(config.driver, config.address, config.username, options, entry.profile)


def _device(
    driver: str, address: str, username: str | None, options: Mapping[str, Any], profile: str | None
) -> dict[str, Any]:
    """Return a device as the file has it: empty fields are left out."""
    known = {"driver": driver, "address": address, "username": username, "options": dict(options), "profile": profile}
    return {name: value for name, value in known.items() if value}


def _portal(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _stated_portal(_read(PortalFields, f"[portals.{name}]", fields).model_dump(mode="json"))


_STATED = object()
_UNSTATED_OF_PORTAL: Mapping[str, Any] = {
    name: PortalFields.model_fields[name].default
    for name in (
        *("outside", "inside", "egress", "collects_cards", "free", "free_after"),
        *("people", "people_within", "people_exit", "confirm_by"),
    )
}
_SETS = ("entry", "exit", "confirm_by", "free_after")


def _stated_portal(portal: dict[str, Any]) -> dict[str, Any]:
    """Return a portal as the file has it: what is about rules only where it is not as by default."""
    stated = {field: value for field, value in portal.items() if value != _UNSTATED_OF_PORTAL.get(field, _STATED)}
    return stated | {field: sorted(set(stated[field])) for field in _SETS if field in stated}


def _zone(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    entry = _read(ZoneFields, f"[zones.{name}]", fields)
    return _stated_zone(entry.parent, entry.rules())


def _stated_zone(parent: str | None, rules: Mapping[str, Any]) -> dict[str, Any]:
    return ({"parent": parent} if parent else {}) | {name: rules[name] for name in zone_rows.DEFAULTS if name in rules}


def _parents_first(zones: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return zones so that each one stands after its parent; a circle is left for the service to refuse."""
    ordered: dict[str, dict[str, Any]] = {}
    waiting = dict(zones)
    while ready := [name for name, zone in waiting.items() if zone.get("parent") not in waiting]:
        ordered |= {name: waiting.pop(name) for name in ready}
    return ordered | waiting


def _interlock(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    entry = _read(InterlockFields, f"[interlocks.{name}]", fields)
    return {"portals": sorted(set(entry.portals)), "settle_seconds": entry.settle_seconds}


def _level(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    entry = _read(LevelEntry, f"[levels.{name}]", fields)
    waives = sorted({str(waiver) for waiver in entry.waives})
    return _stated_level(sorted(set(entry.portals)), waives, entry)


def _stated_level(portals: list[str], waives: list[str], own: LevelRow | LevelEntry) -> dict[str, Any]:
    stated: dict[str, Any] = {"portals": portals} | ({"waives": waives} if waives else {})
    defaults = {"visitors": True, "escorts": False, "escort_up_to": 5}
    values = {name: getattr(own, name) for name in defaults}
    return stated | {name: value for name, value in values.items() if value != defaults[name]}


def _threat(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _stated_threat(_read(ThreatFields, f"[threats.{name}]", fields).rules())


def _stated_threat(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rules[name] for name in threat_rows.DEFAULTS if name in rules}


def _source(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _read(SourceFields, f"[sources.{name}]", fields).stated()


def _plan(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _read(PlanEntry, f"[plans.{name}]", fields).stated()


def _outlet(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _read(OutletFields, f"[outlets.{name}]", fields).stated()


def _covered(row: LevelRow) -> list[str]:
    return sorted(p.portal_name + (f"@{p.schedule_name}" if p.schedule_name else "") for p in row.portals)


def _department(_: Site, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"levels": sorted(set(_read(DepartmentEntry, f"[departments.{safe(name, 60)}]", fields).levels))}

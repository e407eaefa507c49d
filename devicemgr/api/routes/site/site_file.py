"""/site: all of a site's set-up as one file, put in force in one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices import devices
from devicemgr.api.routes.site import portals
from devicemgr.api.routes.site.access_levels import ScheduleFields
from devicemgr.api.site_rights import ACTION, require_roles, two_admin_changes
from devicemgr.domain.device_profile import Profile
from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import ApprovalNeeded, InvalidInput
from devicemgr.ledger import anchors
from devicemgr.security import approvals
from devicemgr.site import access_levels, site_file
from devicemgr.site.runtime import Runtime
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Database, Session
from devicemgr.store.people import face_models, samples
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
    provisioning,
    settings,
)
from devicemgr.store.tables import LevelRow
from devicemgr.text import safe, slug

router = APIRouter(prefix="/site", tags=["site"])

# What is not in the file when there is none.
_LEFT_OUT = ("model", "profiles")

Body = TypeVar("Body", bound=BaseModel)


class SiteFile(BaseModel):
    """A site's file; `plan` checks everything and changes nothing, `prune` removes what the file does not name."""

    model_config = ConfigDict(extra="forbid")
    toml: str
    plan: bool = False
    prune: bool = False


class LevelEntry(BaseModel):
    """Portals that a level covers, always or, as PORTAL@SCHEDULE, in the hours of a schedule."""

    model_config = ConfigDict(extra="forbid")
    portals: list[str] = Field(min_length=1)


class _Joined:
    """The database within a transaction that is under way: what writes to it is kept or dropped with all the rest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """As Database.read, seeing what was written so far."""
        yield self._session

    @contextmanager
    def write(self, **_: object) -> Iterator[Session]:
        """As Database.write, without a commit."""
        yield self._session
        self._session.flush()


class _Unmoved:
    """A runtime that is told of nothing before everything is done."""

    def status(self) -> dict[str, Any]:
        """No states."""
        return {"devices": [], "portals": []}

    def site_changed(self) -> None:
        """Not yet."""

    def channels_of(self, name: str) -> int | None:  # noqa: ARG002
        """Not known yet: the same file may give the gate more of them."""
        return None


@router.get("")
def export_site(context: Ctx, _: Who) -> dict[str, Any]:
    """The site's file: settings, schedules, profiles, devices, portals and levels; no people, no secrets."""
    with context.site.database.read() as session:
        document = {table: content for table, content in _current(session).items() if content or table not in _LEFT_OUT}
    return {"toml": site_file.text_of(document), "site": document}


class _Planned(Exception):
    """Ends the transaction of a plan, so that nothing of it is stored."""


@router.post("/apply")
def apply_site(body: SiteFile, context: Ctx, caller: Who) -> dict[str, Any]:
    """Make the site what the file says, wholly or not at all; each change needs the role that it needs by itself."""
    wanted = _wanted(context, site_file.parse(body.toml))
    answer: dict[str, Any] = {}
    try:
        with context.site.database.write() as session:
            answer |= _answer(session, caller, wanted, body)
            _apply(context, session, caller, wanted, answer)
            if body.plan:
                raise _Planned
    except _Planned:
        return answer
    except ApprovalNeeded:
        # The request for approval must outlive the transaction that it stopped.
        approvals.ask(context.site, caller.actor, ACTION, ", ".join(answer["two_admins"]))
    context.runtime.site_changed()
    context.site.database.forget()
    return answer


def _answer(session: Session, caller: Caller, wanted: site_file.Document, body: SiteFile) -> dict[str, Any]:
    """Return what would be done; NotAllowed when the caller may not do all of it."""
    before = _current(session)
    changes = site_file.changes(before, wanted, prune=body.prune)
    require_roles(caller, changes)
    return {
        "applied": not body.plan,
        "changes": changes,
        "not_in_file": [] if body.prune else site_file.unnamed(before, wanted),
        "two_admins": two_admin_changes(session, caller, changes),
    }


def _apply(
    context: Context, session: Session, caller: Caller, wanted: site_file.Document, answer: dict[str, Any]
) -> None:
    """Make the changes within the transaction; a plan asks for no approval."""
    joined = replace(
        context,
        site=replace(context.site, database=cast(Database, _Joined(session))),
        runtime=cast(Runtime, _Unmoved()),
    )
    if answer["two_admins"] and answer["applied"]:
        approvals.require(joined.site, caller.actor, ACTION, ", ".join(answer["two_admins"]))
    for change in answer["changes"]:
        _APPLY[change["kind"]](joined, session, caller, change, wanted)
    session.flush()
    answer["without_password"] = _without_password(session)


def _without_password(session: Session) -> list[str]:
    """Devices with a user name, whose password must still be given."""
    return [row.name for row in device_store.devices(session) if row.username and row.sealed_password is None]


def _current(session: Session) -> site_file.Document:
    found = settings.load(session)
    fields = set(portals.PortalCreate.model_fields) - {"name"}
    rows = [portal_store.portal_json(row) for row in portal_store.portals(session)]
    return {
        "site": found.model_dump(mode="json", exclude={"model"}),
        "model": _stated(found.model),
        "schedules": {
            row.name: {"windows": row.windows, "timezone": row.timezone, "holidays": row.holidays}
            for row in level_store.schedules(session)
        },
        "profiles": provisioning.all_stated(session),
        "devices": {
            row.name: _device(row.driver, row.address, row.username, row.options, row.profile)
            for row in device_store.devices(session)
        },
        "portals": {row["name"]: _sorted({name: row[name] for name in row if name in fields}) for row in rows},
        "levels": {row.name: {"portals": _covered(row)} for row in level_store.levels(session)},
    }


def _device(
    driver: str, address: str, username: str | None, options: Mapping[str, Any], profile: str | None
) -> dict[str, Any]:
    """As the file has it: what is empty is left out."""
    known = {"driver": driver, "address": address, "username": username, "options": dict(options), "profile": profile}
    return {name: value for name, value in known.items() if value}


def _sorted(portal: dict[str, Any]) -> dict[str, Any]:
    return {**portal, "entry": sorted(portal["entry"]), "exit": sorted(portal["exit"])}


def _covered(row: LevelRow) -> list[str]:
    return sorted(p.portal_name + (f"@{p.schedule_name}" if p.schedule_name else "") for p in row.portals)


def _wanted(context: Context, found: site_file.Document) -> site_file.Document:
    """The file's tables as `_current` has them: checked, with what is not said as it is by default."""
    wanted: site_file.Document = {}
    if "site" in found:
        with context.site.database.read() as session:
            before = settings.load(session)
        fields = before.model_dump(exclude={"model"}) | found["site"]
        stated = _read(settings.Settings, "[site]", fields)
        anchors.require_outside(stated.anchors, context.site.home.path)
        wanted["site"] = stated.model_dump(mode="json", exclude={"model"})
    if "model" in found:
        wanted["model"] = _model(context, found["model"])
    readers = {
        "schedules": _schedule,
        "profiles": _profile,
        "devices": _checked_device,
        "portals": _portal,
        "levels": _level,
    }
    for kind, read in readers.items():
        if kind in found:
            entries = found[kind].items()
            wanted[kind] = {slug(kind[:-1], name): read(context, name, fields) for name, fields in entries}
    return wanted


def _read(model: type[Body], where: str, fields: Mapping[str, Any]) -> Body:
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            safe(f"{where} in the site's file: {at}: {first['msg'].removeprefix('Value error, ')}")
        ) from error


def _stated(model: FaceModel | None) -> dict[str, Any]:
    """As the file has it: what is as it is by default is left out."""
    return model.model_dump(mode="json", exclude_defaults=True) if model else {}


def _model(context: Context, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Proven to work, with its file's digest; an empty table takes the model away. InvalidInput says what is wrong."""
    if not fields:
        return {}
    stated = _read(FaceModel, "[model]", fields)
    proven = context.site.parts.faces.prove(stated)
    if stated.sha256 not in ("", proven.sha256):
        raise InvalidInput(f"{proven.path} is another file than the site's file says (sha256); see which one you want")
    return _stated(proven)


def _schedule(_: Context, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    body = _read(ScheduleFields, f"[schedules.{name}]", fields)
    return access_levels.schedule_values(body.windows, body.timezone, body.holidays)


def _checked_device(context: Context, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Also loads the vendor's library, which must not happen while the ledger waits for the database."""
    if "password" in fields:
        raise InvalidInput(f"[devices.{name}]: no password belongs into a file; `devicemgr device edit` takes it")
    body = _read(devices.DeviceCreate, f"[devices.{name}]", {**fields, "name": name})
    config = DeviceConfig("", name, body.driver, devices.address(body.address), body.username, None, body.options)
    try:
        options = devices.checked(context, config).options
    except InvalidInput as error:
        raise InvalidInput(f"[devices.{name}] in the site's file: {error}") from error
    return _device(config.driver, config.address, config.username, options, body.profile)


def _profile(_: Context, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return _read(Profile, f"[profiles.{name}]", fields).stated()


def _portal(_: Context, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    body = _read(portals.PortalCreate, f"[portals.{name}]", {**fields, "name": name})
    return _sorted(body.model_dump(mode="json", exclude={"name"}))


def _level(_: Context, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"portals": sorted(set(_read(LevelEntry, f"[levels.{name}]", fields).portals))}


def _apply_site(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    before = settings.load(session)
    fresh = settings.Settings.model_validate(wanted["site"] | {"model": before.model})
    erased = 0 if fresh.keep_samples else samples.forget_all(session)
    settings.save(session, fresh)
    detail = {"changed": change["fields"]} | ({"samples_erased": erased} if erased else {})
    context.record(session, "admin.settings_changed", caller, detail)


def _apply_model(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    """Only described here; `enroll migrate` goes to it. What is no part of its templates holds at once."""
    model = FaceModel.model_validate(wanted["model"]) if wanted["model"] else None
    settings.save(session, settings.load(session).model_copy(update={"model": model}))
    models = face_models.load(session)
    if model and models.active and model.template_name == models.active.template_name:
        face_models.save(session, models.model_copy(update={"active": model}))
    context.record(session, "admin.settings_changed", caller, {"changed": change["fields"]})


def _apply_schedule(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    work, name = UnitOfWork(context.site, session, caller.actor), change["name"]
    if change["change"] == "remove":
        access_levels.remove_schedule(work, name)
    else:
        access_levels.put_schedule(work, name, wanted["schedules"][name])


def _apply_profile(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    name, kind = change["name"], {"add": "added", "edit": "edited", "remove": "removed"}[change["change"]]
    if change["change"] == "remove":
        provisioning.remove(session, name)
    else:
        provisioning.save(session, name, wanted["profiles"][name])
    context.record(session, f"admin.profile_{kind}", caller, {"profile": name} | change["fields"])


def _apply_device(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    name = change["name"]
    if change["change"] == "remove":
        devices.remove_device(name, context, caller)
        return
    fields = wanted["devices"][name]
    if change["change"] == "add":
        devices.add_device(devices.DeviceCreate(name=name, **fields), context, caller)
        return
    if "driver" in change["fields"]:
        raise InvalidInput(f"device '{name}' is a {change['fields']['driver'][0]}; a new kind needs a new name")
    options = fields.get("options", {})
    dropped = {option: None for option in device_store.device(session, name).options if option not in options}
    body = devices.DeviceUpdate(
        address=fields["address"],
        username=fields.get("username", ""),
        options=dropped | options,
        profile=fields.get("profile", ""),
    )
    devices.edit_device(name, body, context, caller)


def _apply_portal(
    context: Context, _: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    name = change["name"]
    if change["change"] == "remove":
        portals.remove_portal(name, context, caller)
    elif change["change"] == "add":
        portals.add_portal(portals.PortalCreate(name=name, **wanted["portals"][name]), context, caller)
    else:
        fields = {field: values[1] for field, values in change["fields"].items()}
        portals.edit_portal(name, portals.PortalUpdate(**fields), context, caller)


def _apply_level(
    context: Context, session: Session, caller: Caller, change: dict[str, Any], wanted: site_file.Document
) -> None:
    work, name = UnitOfWork(context.site, session, caller.actor), change["name"]
    if change["change"] == "remove":
        access_levels.remove_level(work, name)
    else:
        access_levels.put_level(work, name, [_coverage(entry) for entry in wanted["levels"][name]["portals"]])


def _coverage(entry: str) -> access_levels.Coverage:
    portal, _, schedule = entry.partition("@")
    return portal, schedule or None


_APPLY = {
    "site": _apply_site,
    "model": _apply_model,
    "schedules": _apply_schedule,
    "profiles": _apply_profile,
    "devices": _apply_device,
    "portals": _apply_portal,
    "levels": _apply_level,
}

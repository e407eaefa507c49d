"""/drivers and /devices."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from devicemgr.api.routes.devices.models import Device, DeviceCheck, DeviceDetails, DeviceRemoved, DriverKind
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.routes.devices import sync
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import InvalidInput, NotFound, RequestError
from devicemgr.people import erasure_events
from devicemgr.site import password_scope
from devicemgr.store.site import device_sync, devices as device_store, provisioning
from devicemgr.store.tables import DeviceRow
from devicemgr.text import safe, slug

router = APIRouter(tags=["devices"])
TEST_SECONDS = 25.0


class DeviceCreate(BaseModel):
    """A device to add."""

    model_config = ConfigDict(extra="forbid")
    name: str
    driver: str
    address: str
    username: str | None = None
    password: SecretStr | None = None
    options: dict[str, Any] = {}
    profile: str | None = None


class DeviceUpdate(BaseModel):
    """What to change; absent stays; an option set to null is removed, and so is a profile set to ""."""

    model_config = ConfigDict(extra="forbid")
    address: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    options: dict[str, Any] = {}
    profile: str | None = None


def _driver_json(driver: Driver) -> dict[str, Any]:
    schema = driver.options.model_json_schema()
    options = [
        {
            "name": name,
            "description": field.get("description", ""),
            "default": field.get("default"),
            "required": name in schema.get("required", ()),
        }
        | ({"choices": field["enum"]} if "enum" in field else {})
        for name, field in schema.get("properties", {}).items()
    ]
    return {
        "kind": driver.kind,
        "title": driver.title,
        "capabilities": sorted(str(c) for c in driver.capabilities),
        "options": options,
    }


@router.get("/drivers", response_model=list[DriverKind])
def list_drivers(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """The kinds that are installed, with their options."""
    catalog = context.site.parts.catalog
    found = []
    for kind in catalog.kinds():
        try:
            found.append(_driver_json(catalog.get(kind)))
        except NotFound as error:
            # One package that does not load must not hide the others.
            found.append({"kind": kind, "title": str(error), "capabilities": [], "options": []})
    return found


def checked(context: Context, config: DeviceConfig) -> DeviceConfig:
    """The configuration with its options validated; InvalidInput names the option or the address that is wrong."""
    checked = replace(config, options=options_of(context, config))
    context.site.parts.catalog.get(config.driver).build(checked)
    return checked


def options_of(context: Context, config: DeviceConfig) -> dict[str, Any]:
    """A device's options as they are stored; InvalidInput names the one that is wrong."""
    driver = context.site.parts.catalog.get(config.driver)
    given = {name: value for name, value in config.options.items() if value is not None}
    try:
        return driver.options.model_validate(given).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        known = ", ".join(driver.options.model_fields) or "none"
        raise InvalidInput(safe(f"{_fault(error)}; options of {config.driver}: {known}")) from error


def _fault(error: ValidationError) -> str:
    """The first fault in words; a name that is unknown comes before the one that it should have been."""
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return f"there is no option {where}"
        case "missing":
            return f"option {where} must be given"
        case _:
            return f"option {where}: {first['msg'].removeprefix('Value error, ')}"


def _device_json(row: DeviceRow, states: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shown = {
        "name": row.name,
        "driver": row.driver,
        "address": row.address,
        "username": row.username,
        "has_password": row.sealed_password is not None,
        "options": row.options,
        "profile": row.profile,
    }
    state = states.get(row.name, {})
    return shown | {key: state.get(key) for key in ("state", "cause", "since")}


def _states(context: Context) -> dict[str, dict[str, Any]]:
    return {state["name"]: state for state in context.runtime.status()["devices"]}


@router.post("/devices", status_code=201, response_model=Device)
def add_device(body: DeviceCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a device; nothing is connected yet."""
    password = body.password.get_secret_value() if body.password else None
    config = DeviceConfig(
        "", slug("device", body.name), body.driver, address(body.address), body.username, password, body.options
    )
    config = checked(context, config)
    with context.site.database.write() as session:
        row = device_store.add_device(session, context.site.vault, config)
        row.profile = provisioning.require(session, body.profile) if body.profile else None
        detail = {"device": row.name, "driver": row.driver, "address": row.address}
        context.record(session, "admin.device_added", caller, detail)
    context.runtime.site_changed()
    return _device_json(row, _states(context))


def address(text: str) -> str:
    """An address as it is stored; InvalidInput when it holds credentials or makes no sense."""
    address = text.strip()
    if not 1 <= len(address) <= 500 or not address.isprintable() or _has_credentials(address):
        raise InvalidInput("the address is not usable; give it without credentials (use --username, --password-stdin)")
    return address


def _has_credentials(address: str) -> bool:
    return "://" in address and "@" in address.split("://", 1)[1].split("/", 1)[0]


@router.get("/devices", response_model=list[Device])
def list_devices(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """All devices with their state."""
    states = _states(context)
    with context.site.database.read() as session:
        return [_device_json(row, states) for row in device_store.devices(session)]


@router.get("/devices/{name}", response_model=DeviceDetails)
def show_device(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """One device, and what it holds."""
    states = _states(context)
    with context.site.database.read() as session:
        row = device_store.device(session, name)
        found = _device_json(row, states) | {"provisioned": provisioning.progress(session, row.id)}
    return found | {"holds": sync.summary(context, name)}


@router.patch("/devices/{name}", response_model=Device)
def edit_device(name: str, body: DeviceUpdate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Change address, credentials or options; another host or port needs the password again. A daemon reconnects."""
    with context.site.database.read() as session:
        wanted = _changed(context, device_store.device(session, name), body)
    # Checking may load a vendor's library, which must not keep the ledger from its database; so it comes before.
    checked(context, wanted)
    with context.site.database.write() as session:
        row = device_store.device(session, name)
        config = _changed(context, row, body)
        if not password_scope.is_kept_place(row.address, config.address):
            provisioning.forget_all_secrets(
                session, row.id
            )  # provisioning would try them on the device at the new place
        row.address, row.username, row.options = config.address, config.username, options_of(context, config)
        device_store.set_password(row, context.site.vault, config.password)
        if body.profile is not None:
            row.profile = provisioning.require(session, body.profile) if body.profile else None
        context.record(
            session, "admin.device_edited", caller, {"device": name, "changed": sorted(body.model_fields_set)}
        )
    context.runtime.site_changed()
    return _device_json(row, _states(context))


def _changed(context: Context, row: DeviceRow, body: DeviceUpdate) -> DeviceConfig:
    """Return what the device becomes; InvalidInput where its kept password would go to another place."""
    before = device_store.device_config(row, context.site.vault)
    password = body.password.get_secret_value() if body.password else before.password
    after = DeviceConfig(
        row.id,
        row.name,
        row.driver,
        address(body.address or row.address),
        body.username if body.username is not None else row.username,
        password,
        row.options | body.options,
    )
    if not body.password:
        password_scope.require_again(context.site.parts.catalog.get(row.driver).options, before, after)
    return after


@router.delete("/devices/{name}", response_model=DeviceRemoved)
def remove_device(name: str, context: Ctx, caller: Who, forget: bool = False) -> dict[str, Any]:
    """Remove a device that no portal uses and that holds nobody; with `forget` one that does, which is recorded."""
    with context.site.database.write() as session:
        row = device_store.device(session, name)
        people, here = device_sync.people_of(session, row.id)
        if people and not forget:
            raise RequestError(
                f"{name} still holds {len(people)} people: wipe it first (take it out of its portals, then "
                f"`devicemgr device sync {name}`), or leave them on it with --forget"
            )
        facts = erasure_events.left_facts(session, name, people, here)
        device_store.remove_device(session, row)
        context.record(session, "admin.device_removed", caller, {"device": name, "left_people": len(people)})
        context.site.ledger.append(session, facts)
    context.runtime.site_changed()
    return {"name": name, "removed": True, "left_people": len(people)}


@router.post("/devices/{name}/test", response_model=DeviceCheck)
def check_device(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Connect and read everything that can be read; nothing moves."""
    with context.site.database.read() as session:
        row = device_store.device(session, name)
    found = context.runtime.call_device(name, lambda device: device.check(), TEST_SECONDS)
    return {"name": name, "driver": row.driver, "ok": True, "found": found}

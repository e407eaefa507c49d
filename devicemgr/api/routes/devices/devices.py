"""/drivers and /devices."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, SecretStr

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.models import RequestBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.routes.devices import sync
from devicemgr.api.routes.devices.maintenance import abilities
from devicemgr.api.routes.devices.models import Device, DeviceCheck, DeviceDetails, DeviceRemoved, DriverKind
from devicemgr.api.routes.system.jobs import JobState, begin
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import NotFound
from devicemgr.operations.autonomy import rules_kept
from devicemgr.operations.jobs import Job
from devicemgr.people import erasure_events
from devicemgr.site import devices as service
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.store.tables import DeviceRow

router = APIRouter(tags=["devices"])
TEST_SECONDS = 25.0


class DeviceUpdate(RequestBody):
    """What to change; absent stays; an option set to null is removed, and so is a profile set to ""."""

    address: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    options: dict[str, Any] = Field({})
    profile: str | None = None

    def edit(self) -> service.DeviceEdit:
        """Return the service's values."""
        password = self.password.get_secret_value() if self.password else None
        return service.DeviceEdit(self.address, self.username, password, self.options, self.profile)


class DeviceFields(DeviceUpdate):
    """A whole device, to be added or to take the place of the one of this name; without a password the old one stays.

    For another address or weaker protection the password must be given again.
    """

    driver: str = Field(examples=["modbus_gate"])
    address: str = Field(examples=["tcp://192.0.2.10:502"])


class DeviceCreate(DeviceFields):
    """A device to add."""

    name: str = Field(examples=["gate-1"])


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
    """List the driver kinds that are installed, with their options."""
    catalog = context.site.parts.catalog
    found = []
    for kind in catalog.kinds():
        try:
            found.append(_driver_json(catalog.get(kind)))
        except NotFound as error:
            # One package that does not load must not hide the others.
            found.append({"kind": kind, "title": str(error), "capabilities": [], "options": []})
    return found


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
    return shown | {key: state.get(key) for key in ("state", "cause", "hint", "since")}


def _states(context: Context) -> dict[str, dict[str, Any]]:
    return {state["name"]: state for state in context.runtime.status()["devices"]}


@router.post("/devices", status_code=201, response_model=Device)
def add_device(body: DeviceCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a device; nothing is connected yet."""
    edit = body.edit()
    config = service.new_config(
        context.site, body.name, body.driver, body.address, edit.username, edit.password, edit.options
    )
    with context.change(caller) as work:
        row = service.add_device(work, config, body.profile)
    return _device_json(row, _states(context))


@router.get("/devices", response_model=list[Device])
def list_devices(
    context: Ctx,
    _: Who,
    page: Paged,
    state: Annotated[str | None, Query(max_length=20, description="Only those in this state.")] = None,
) -> list[dict[str, Any]]:
    """List devices by name with their state; `q` is looked for in name, driver and address."""
    states = _states(context)
    with context.site.database.read() as session:
        set_etag(page.response, session)
        found = [_device_json(row, states) for row in device_store.devices(session)]
    wanted = [device for device in found if state is None or device["state"] == state]
    return page.cut(wanted, lambda d: d["name"], lambda d: (d["name"], d["driver"], d["address"]))


@router.get("/devices/{name}", response_model=DeviceDetails)
def show_device(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one device, what it holds, and which rules it keeps when it decides alone."""
    states = _states(context)
    with context.site.database.read() as session:
        row = device_store.device(session, name)
        set_etag(response, session)
        found = _device_json(row, states) | {"provisioned": provisioning.progress(session, row.id)}
        config = DeviceConfig(row.id, row.name, row.driver, row.address, options=dict(row.options))
    run = context.runtime.last_run(name)
    refused = run.refused_rules if run is not None else ()
    kept = rules_kept(context.site.parts.catalog, config, context.runtime.rules(), refused)
    return found | {"can": abilities(context, name), "holds": sync.summary(context, name)} | kept.as_json()


@router.put("/devices/{name}", response_model=Device, responses={201: {"model": Device, "description": "Added."}})
def put_device(
    name: str, body: DeviceFields, context: Ctx, caller: Who, match: IfMatch, response: Response
) -> dict[str, Any]:
    """Add the device, or make an existing one exactly this; the same request again changes nothing."""
    with context.site.database.read() as session:
        exists = any(row.name == name for row in device_store.devices(session))
        edit = service.replacing_edit(device_store.device(session, name), body.driver, body.edit()) if exists else None
    if edit is not None:
        service.check_edit(context.site, name, edit)
        with context.change(caller) as work:
            match.require(work.session)
            row = service.edit_device(work, name, edit)
    else:
        given = body.edit()
        config = service.new_config(
            context.site, name, body.driver, body.address, given.username, given.password, given.options
        )
        with context.change(caller) as work:
            match.require(work.session)
            row = service.add_device(work, config, body.profile)
        response.status_code = 201
    return _device_json(row, _states(context))


@router.patch("/devices/{name}", response_model=Device)
def edit_device(name: str, body: DeviceUpdate, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Change address, credentials or options; another host or port needs the password again. A daemon reconnects."""
    edit = body.edit()
    service.check_edit(context.site, name, edit)
    with context.change(caller) as work:
        match.require(work.session)
        row = service.edit_device(work, name, edit)
    return _device_json(row, _states(context))


@router.delete("/devices/{name}", response_model=DeviceRemoved)
def remove_device(name: str, context: Ctx, caller: Who, match: IfMatch, forget: bool = False) -> dict[str, Any]:
    """Remove a device that no portal uses and that holds no people; with `forget` one that does, which is recorded."""
    with context.change(caller) as work:
        match.require(work.session)
        left = service.remove_device(work, name, erasure_events.left_facts, forget=forget)
    return {"name": name, "removed": True, "left_people": left}


@router.post("/devices/{name}/test", response_model=DeviceCheck)
def check_device(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Connect and read everything that can be read; nothing moves."""
    return _check(context, name)


@router.post("/devices/{name}/test/jobs", status_code=202, response_model=JobState)
def begin_check(name: str, request: Request, context: Ctx, caller: Who) -> dict[str, Any]:
    """Test a device as a job. Canceled, it is let go at once: nothing moves by a test."""
    with context.site.database.read() as session:
        device_store.device(session, name)
    operation = ("POST", "/devices/{name}/test")
    job = Job("test", name, caller.actor, operation, seconds=TEST_SECONDS, waits_only=True)
    return begin(request, job, lambda _: _check(context, name))


def _check(context: Context, name: str) -> dict[str, Any]:
    with context.site.database.read() as session:
        row = device_store.device(session, name)
    found = context.runtime.call_device(name, lambda device: device.check(), TEST_SECONDS)
    return {"name": name, "driver": row.driver, "ok": True, "found": found}

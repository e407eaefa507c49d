"""/devices/{name}/provision: setting devices up by their profiles."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices.models import ProfileState, ProvisioningResult
from devicemgr.api.routes.system.jobs import JobState, begin
from devicemgr.domain.ports.device import Provisionable
from devicemgr.operations.jobs import Job
from devicemgr.provisioning.provisioner import PROVISIONED, Progress, Provisioning
from devicemgr.store.site import devices as device_store, provisioning

router = APIRouter(tags=["devices"])


class ProvisioningRequest(BaseModel):
    """By which profile, the device's own if none is given; `plan` only asks."""

    model_config = ConfigDict(extra="forbid")
    profile: str | None = None
    plan: bool = False


@router.post("/devices/{name}/provision", response_model=ProvisioningResult)
def provision_device(name: str, body: ProvisioningRequest, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set a device up by a profile, one setting after another, each read back; its steps with what was and is."""
    work = _provisioning(context, caller, name, body)
    return (work.plan() if body.plan else work.apply()).as_json()


@router.post("/devices/{name}/provision/jobs", status_code=202, response_model=JobState)
def begin_provisioning(
    name: str, body: ProvisioningRequest, request: Request, context: Ctx, caller: Who
) -> dict[str, Any]:
    """Set a device up as a job, or plan it: canceled, it ends after the present setting, and may be run again."""
    _provisioning(context, caller, name, body)  # what can't begin at all is refused at once

    def go(job: Job) -> dict[str, Any]:
        work = _provisioning(context, caller, name, body, job.progress)
        return (work.plan() if body.plan else work.apply()).as_json()

    job = Job("provision", name, caller.actor, ("POST", "/devices/{name}/provision"))
    return begin(request, job, go)


def _provisioning(
    context: Context, caller: Caller, name: str, body: ProvisioningRequest, progress: Progress | None = None
) -> Provisioning:
    def record(session: Any, detail: dict[str, Any]) -> None:
        context.record(session, PROVISIONED, caller, detail)

    given = {"progress": progress} if progress is not None else {}
    return Provisioning(context.site, name, body.profile, record, context.runtime.site_changed, **given)


@router.get("/profiles", response_model=list[ProfileState])
def list_profiles(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List the profiles of the site's file by name, with what they set and the devices that have them."""
    with context.site.database.read() as session:
        devices = device_store.devices(session)
        return [
            {"name": name, "settings": stated, "devices": [row.name for row in devices if row.profile == name]}
            for name, stated in provisioning.all_stated(session).items()
        ]


@router.get("/provisioning")
def provisionable(context: Ctx, _: Who, profile: str | None = None) -> list[str]:
    """Return the devices that can be set up.

    Those with a profile, or, where one is given, all of kinds that take profiles.
    """
    with context.site.database.read() as session:
        if profile is not None:
            provisioning.require(session, profile)
        configs = [
            device_store.device_config(row, context.site.vault)
            for row in device_store.devices(session)
            if profile is not None or row.profile
        ]
    kinds = {config.driver: config for config in configs}
    able = {kind for kind, config in kinds.items() if _takes_profiles(context, config)}
    return [config.name for config in configs if config.driver in able]


def _takes_profiles(context: Context, config: Any) -> bool:
    return isinstance(context.site.parts.catalog.get(config.driver).build(config), Provisionable)

"""/devices/{name}/provision: setting devices up by their profiles."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.routes.devices.models import ProvisioningResult
from devicemgr.domain.ports.device import Provisionable
from devicemgr.provisioning.provisioner import PROVISIONED, Provisioning
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

    def record(session: Any, detail: dict[str, Any]) -> None:
        context.record(session, PROVISIONED, caller, detail)

    work = Provisioning(context.site, name, body.profile, record, context.runtime.site_changed)
    return (work.plan() if body.plan else work.apply()).as_json()


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

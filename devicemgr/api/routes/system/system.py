"""/status, /box, /doctor, /support and /version."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter

from devicemgr import __version__
from devicemgr.api.authorization import sees_duress, sees_names
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.system.metrics import text_of
from devicemgr.api.routes.system.models import BoxFacts, Examination, Status, Version
from devicemgr.errors import StorageFailed
from devicemgr.operations import box, doctor, support_bundle
from devicemgr.site.areas import alarms
from devicemgr.store.people import people

router = APIRouter(tags=["system"])


@router.get("/version", response_model=Version)
def version() -> dict[str, Any]:
    """Return the program's version."""
    return {"version": __version__}


@router.get("/status", response_model=Status)
def status(context: Ctx, caller: Who) -> dict[str, Any]:
    """Return the daemon, devices, portals, gallery, ledger and alarms at a glance."""
    found = context.runtime.status()
    found["alarms"] = duress_alarms_for(context, caller) + found["alarms"]
    concerned = [person for alarm in found["alarms"] for person in alarm.get("people", ())]
    if concerned and sees_names(caller):
        with suppress(StorageFailed), context.site.database.read() as session:
            names = people.names_by_badge(session, {person["badge"] for person in concerned})
            for person in concerned:
                person["name"] = names.get(person["badge"])
    return found


def duress_alarms_for(context: Context, caller: Caller) -> list[dict[str, Any]]:
    """Return the duress signals that `status` begins with for those who may know of them."""
    if sees_duress(caller):
        with suppress(StorageFailed), context.site.database.read() as session:
            return alarms.duress_alarms(session)
    return []


@router.get("/box", response_model=BoxFacts)
def show_box(context: Ctx, _: Who) -> dict[str, Any]:
    """Return what everyone who works with the box may know of it: disk, last backup and clock."""
    return box.facts(context.site)


@router.get("/doctor", response_model=Examination)
def examine(context: Ctx, _: Who) -> dict[str, Any]:
    """Return checks of the box, the home and each device, each with what to do."""
    checks = doctor.examine(context.site, context.runtime)
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


@router.get("/support", response_model=dict[str, str])
def collect(context: Ctx, _: Who) -> dict[str, str]:
    """Return the files of a support bundle: versions, checks, states, configuration, log and facts.

    No people, no secrets.
    """
    return support_bundle.collect(context.site, context.runtime) | {"metrics.txt": text_of(context).decode()}

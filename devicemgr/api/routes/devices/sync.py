"""/devices/{name}/plan, /sync and /holdings: what a device holds, and what it should."""

from typing import Any

from fastapi import APIRouter, Request

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices.models import Holdings, SyncPlan, SyncRun
from devicemgr.api.routes.system.jobs import JobState, begin
from devicemgr.devices.sync_run import Run
from devicemgr.domain.desired_state import Desired, Plan
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import Hint, NotFound
from devicemgr.operations.jobs import Job
from devicemgr.store.site import device_sync, devices as device_store
from devicemgr.sync.reconciler import sync_of
from devicemgr.text import rfc3339

router = APIRouter(prefix="/devices/{name}", tags=["devices"])
_MOST_FAILURES = 100
_LOOK_SECONDS = 0.2


@router.get("/plan", response_model=SyncPlan)
def plan(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Read what the device holds and say how it differs from what it should hold; changes nothing."""
    sync = sync_of(context.site, name)
    found, wanted, actual = context.runtime.drive(name, sync.preview())
    return {"device": name, "differs": found.differs, "same": len(found.same)} | _plan_json(found, wanted, actual)


def _plan_json(found: Plan, wanted: Desired, actual: dict[str, Holding] | Any) -> dict[str, Any]:
    unfit = {key: why for key, (_, why) in wanted.unfit.items()} | dict(wanted.missing)
    changes = [("remove", key) for key in found.remove] + [("add", key) for key in found.add]
    changes += [("change", key) for key in (*found.restrict, *found.change)]
    return {
        "changes": [
            {
                "do": do,
                "key": key,
                "holds": _holding_json(actual[key], wanted) if key in actual else None,
                "should_hold": _holding_json(wanted.wanted[key].holding, wanted) if key in wanted.wanted else None,
            }
            for do, key in changes
        ],
        "unknown": list(found.unknown),
        "unfit": [{"key": key, "why": why} for key, why in sorted(unfit.items())],
    }


def _holding_json(holding: Holding, wanted: Desired) -> dict[str, Any]:
    hours = {str(door): "+".join(wanted.hours.get(name, (name,))) for door, name in sorted(holding.hours)}
    return {
        "name": holding.name,
        "cards": sorted(holding.cards),
        "doors": sorted(holding.doors),
        "hours": hours,
        "valid_from": rfc3339(holding.valid_from) if holding.valid_from else None,
        "valid_to": rfc3339(holding.valid_to) if holding.valid_to else None,
        "face": holding.face is not None,
    }


@router.post("/sync", status_code=202, response_model=SyncRun)
def sync(name: str, context: Ctx, caller: Who, prune: bool = False) -> dict[str, Any]:
    """Synchronize the device, now; GET the same path until `phase` is `done` or `failed`."""
    return _start(context, caller, name, prune=prune).as_json()


@router.post("/sync/jobs", status_code=202, response_model=JobState)
def begin_sync(name: str, request: Request, context: Ctx, caller: Who, prune: bool = False) -> dict[str, Any]:
    """Synchronize as a job. Canceled, it is no longer followed: the daemon keeps devices in step by itself anyway."""
    run = _start(context, caller, name, prune=prune)

    def follow(job: Job) -> dict[str, Any]:
        while not run.ended.wait(_LOOK_SECONDS) and not context.runtime.stopping:
            if not job.progress(run.phase, run.done, run.of):
                break
        if run.error is not None:
            raise run.error
        return run.as_json()

    job = Job("sync", name, caller.actor, ("POST", "/devices/{name}/sync"))
    return begin(request, job, follow)


def _start(context: Context, caller: Caller, name: str, *, prune: bool) -> Run:
    with context.site.database.write(changes_site=False) as session:
        detail = {"device": device_store.device(session, name).name, "prune": prune}
        context.record(session, "admin.device_sync", caller, detail)
    return context.runtime.sync_device(name, prune=prune)


@router.get("/sync", response_model=SyncRun)
def sync_progress(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """How far the present run is, or how the last one ended; the error's own problem document when it failed."""
    run = context.runtime.last_run(name)
    if run is None:
        raise NotFound(f"{name} was not synchronized yet", hint=Hint("sync_device", name=name))
    if run.error is not None:
        raise run.error
    return run.as_json()


@router.get("/holdings", response_model=Holdings)
def show(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """How many keys are held, pending, refused and to be removed, and why."""
    return summary(context, name)


def summary(context: Context, name: str) -> dict[str, Any]:
    """Return what `device show` tells of a device that keeps people or cards."""
    with context.site.database.read() as session:
        row = device_store.device(session, name)
        counts = device_sync.counts(session).get(name, {})
        failures = device_sync.failures(session, row.id, _MOST_FAILURES)
    run = context.runtime.last_run(name)
    unknown = len(run.unknown) if run is not None and run.ended.is_set() else None
    states = {state: counts.get(state, 0) for state in ("held", "incomplete", "pending", "failed", "to_remove")}
    notes = list(run.notes) if run is not None else []
    return states | {"unknown": unknown, "failures": failures, "notes": notes}

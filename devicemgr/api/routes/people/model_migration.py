"""/gallery/migration: from one face model to another and back."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devicemgr.api.context import Ctx, Who
from devicemgr.people import model_migration

router = APIRouter(prefix="/gallery/migration", tags=["faces"])


class Way(BaseModel):
    """The model to go to; `allow_missing` switches although some people have no kept photo."""

    model_config = ConfigDict(extra="forbid")
    model: str
    allow_missing: bool = False


@router.get("")
def show_migration(context: Ctx, _: Who) -> dict[str, Any]:
    """Which model decides, and how far the one on its way is."""
    return model_migration.status(context.site)


@router.post("")
def start_migration(body: Way, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set out, or go on with --allow-missing; the daemon works in the background."""
    answer = model_migration.start(context.site, caller.actor, body.model, allow_missing=body.allow_missing)
    context.runtime.site_changed()
    return answer


@router.post("/back")
def go_back(context: Ctx, caller: Who) -> dict[str, Any]:
    """Give a move up before its switch, or set out for the model before."""
    answer = model_migration.back(context.site, caller.actor)
    context.runtime.site_changed()
    return answer


@router.post("/work")
def work_on(context: Ctx, _: Who) -> dict[str, Any]:
    """Where no daemon runs: embed some samples, and switch when it may be. A running daemon does that by itself."""
    if not context.runtime.running and not model_migration.work(context.site):
        model_migration.switch(context.site)
    return model_migration.status(context.site)


@router.post("/forget")
def forget_others(context: Ctx, caller: Who) -> dict[str, Any]:
    """End the way back: the other models' templates are deleted."""
    answer = model_migration.forget(context.site, caller.actor)
    context.runtime.site_changed()
    return answer

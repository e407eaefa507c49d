"""/gallery/migration: from one face model to another and back."""

from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.people.models import Migration, MigrationRequest
from devicemgr.people import model_migration

router = APIRouter(prefix="/gallery/migration", tags=["faces"])


@router.get("", response_model=Migration)
def show_migration(context: Ctx, _: Who) -> dict[str, Any]:
    """Show which model is in force, and the progress of a migration."""
    return model_migration.status(context.site)


@router.post("", response_model=Migration)
def start_migration(body: MigrationRequest, context: Ctx, caller: Who) -> dict[str, Any]:
    """Start a migration, or continue it with `allow_missing`; the daemon works in the background."""
    answer = model_migration.start(context.site, caller.actor, body.model, allow_missing=body.allow_missing)
    context.runtime.site_changed()
    return answer


@router.post("/back", response_model=Migration)
def rollback_migration(context: Ctx, caller: Who) -> dict[str, Any]:
    """Cancel a migration before its switch, or start one to the previous model."""
    answer = model_migration.back(context.site, caller.actor)
    context.runtime.site_changed()
    return answer


@router.post("/work", response_model=Migration)
def run_migration_step(context: Ctx, _: Who) -> dict[str, Any]:
    """Embed some samples, and switch when ready, where no daemon runs; a running daemon does that by itself."""
    if not context.runtime.running and not model_migration.work(context.site):
        model_migration.switch(context.site)
    return model_migration.status(context.site)


@router.post("/forget", response_model=Migration)
def delete_previous_templates(context: Ctx, caller: Who) -> dict[str, Any]:
    """Delete the other models' templates; there is no way back then."""
    answer = model_migration.forget(context.site, caller.actor)
    context.runtime.site_changed()
    return answer

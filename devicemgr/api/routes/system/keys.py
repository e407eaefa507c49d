"""/keys: the site's own key is replaced."""

from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.system.models import KeyRotation
from devicemgr.security import approvals, key_rotation

router = APIRouter(prefix="/keys", tags=["keys"])


@router.post("/rotate", response_model=KeyRotation)
def rotate(context: Ctx, caller: Who) -> dict[str, Any]:
    """Seal everything under a new key, and put it in the old one's place; two admins must agree."""
    approvals.require(context.site, caller.actor, "key rotation", "the site's key")
    return key_rotation.rotate(context.site, caller.actor)

"""/keys: the site's own key is replaced."""

from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.security import approvals as two_person
from devicemgr.security import key_rotation as rotation

router = APIRouter(prefix="/keys", tags=["keys"])


@router.post("/rotate")
def rotate(context: Ctx, caller: Who) -> dict[str, Any]:
    """Seal everything anew under a new key, and put it in the old one's place; two admins must agree."""
    two_person.require(context.site, caller.actor, "key rotation", "the site's key")
    return rotation.rotate(context.site, caller.actor)

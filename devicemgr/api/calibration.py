"""/gallery/calibration: the threshold that this site's own people ask for."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from devicemgr import calibrating
from devicemgr.api.context import Ctx, Who

router = APIRouter(tags=["faces"])


class Target(BaseModel):
    """The share of strangers who may be taken for someone."""

    model_config = ConfigDict(extra="forbid")
    fpir: float = calibrating.DEFAULT_FPIR


@router.post("/gallery/calibration")
def calibrate_gallery(body: Target, context: Ctx, caller: Who) -> dict[str, Any]:
    """Measure the enrolled people against each other, and put the threshold in force."""
    answer = calibrating.calibrate(context.site, caller.actor, body.fpir)
    context.runtime.site_changed()
    return answer

"""/gallery/calibration: the threshold that this site's own people ask for."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Ctx, Who
from devicemgr.people import calibration

router = APIRouter(tags=["faces"])


class Target(BaseModel):
    """The share of strangers who may be taken for someone, or how many days lie between two at `per_day` strangers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    fpir: float | None = None
    per_day: float | None = Field(None, ge=0.001, le=1_000_000)
    days: float | None = Field(None, ge=0.001, le=100_000)


@router.post("/gallery/calibration")
def calibrate_gallery(body: Target, context: Ctx, caller: Who) -> dict[str, Any]:
    """Measure the enrolled people against each other, and put the threshold in force."""
    fpir = calibration.target(body.fpir, body.per_day, body.days)
    answer = calibration.calibrate(context.site, caller.actor, fpir)
    if body.per_day is not None:
        answer["per_day"] = body.per_day
        answer["days_between"] = calibration.days_between(answer["fpir"], body.per_day)
    context.runtime.site_changed()
    return answer

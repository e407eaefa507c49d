"""/gallery/calibration: the threshold that this site's own people call for."""

from typing import Any

from fastapi import APIRouter

from devicemgr.api.context import Ctx, Who
from devicemgr.api.routes.people.models import Calibration, CalibrationRequest
from devicemgr.people import calibration

router = APIRouter(tags=["faces"])


@router.post("/gallery/calibration", response_model=Calibration)
def calibrate_gallery(body: CalibrationRequest, context: Ctx, caller: Who) -> dict[str, Any]:
    """Measure the enrolled people against each other, and put the threshold in force."""
    fpir = calibration.target(body.fpir, body.per_day, body.days)
    answer = calibration.calibrate(context.site, caller.actor, fpir)
    if body.per_day is not None:
        answer["per_day"] = body.per_day
        answer["days_between"] = calibration.days_between(answer["fpir"], body.per_day)
    context.runtime.site_changed()
    return answer

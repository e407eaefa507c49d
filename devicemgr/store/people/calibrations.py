"""The calibrations in force, one JSON value a model."""

import json
import logging
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Calibration
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.tables import MetaRow

log = logging.getLogger(__name__)

KEY = "calibration"


def _key(own: FaceModel | None) -> str:
    """Each model has its own; the product's is `KEY` alone."""
    return KEY if own is None else f"{KEY}|{own.template_name}"


def load(session: Session, own: FaceModel | None = None) -> Calibration | None:
    """Of the product's model, or a user's; None before the first, and, with a line in the log, when it is damaged."""
    return _read(get_meta(session, _key(own)))


def _read(text: str | None) -> Calibration | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
        pairs = tuple((str(one), str(other)) for one, other in found["lookalikes"])
        return Calibration(float(found["fpir"]), float(found["raised"]), int(found["people"]), pairs)
    except (KeyError, TypeError, ValueError):
        log.error("the stored calibration is damaged and was left out; calibrate again")
        return None


def save(session: Session, calibration: Calibration, own: FaceModel | None = None) -> None:
    """Store a calibration with the transaction."""
    set_meta(session, _key(own), _written(calibration))


def _written(calibration: Calibration) -> str:
    value = {
        "fpir": calibration.fpir,
        "raised": calibration.raised,
        "people": calibration.people,
        "lookalikes": [list(pair) for pair in calibration.lookalikes],
    }
    return json.dumps(value)


def forget(session: Session, person_id: str) -> None:
    """Leave a person out of every model's pairs of look-alikes: their face is gone."""
    for row in session.scalars(select(MetaRow).where(or_(MetaRow.key == KEY, MetaRow.key.startswith(f"{KEY}|")))):
        found = _read(row.value)
        if found is not None and any(person_id in pair for pair in found.lookalikes):
            rest = tuple(pair for pair in found.lookalikes if person_id not in pair)
            row.value = _written(replace(found, lookalikes=rest))

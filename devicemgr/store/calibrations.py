"""The calibration in force: one JSON value."""

import json
import logging

from sqlalchemy.orm import Session

from devicemgr.ports import Calibration
from devicemgr.store.database import get_meta, set_meta

log = logging.getLogger(__name__)

KEY = "calibration"


def load(session: Session) -> Calibration | None:
    """None before the first calibration, and, with a line in the log, when what is stored makes no sense."""
    text = get_meta(session, KEY)
    if text is None:
        return None
    try:
        found = json.loads(text)
        pairs = tuple((str(one), str(other)) for one, other in found["lookalikes"])
        return Calibration(float(found["fpir"]), float(found["raised"]), int(found["people"]), pairs)
    except (KeyError, TypeError, ValueError):
        log.error("the stored calibration is damaged and was left out; run `devicemgr enroll calibrate`")
        return None


def save(session: Session, calibration: Calibration) -> None:
    """Put it in force with the transaction."""
    value = {
        "fpir": calibration.fpir, "raised": calibration.raised, "people": calibration.people,
        "lookalikes": [list(pair) for pair in calibration.lookalikes],
    }  # fmt: skip
    set_meta(session, KEY, json.dumps(value))


def forget(session: Session, person_id: str) -> None:
    """Leave a person out of the pairs of look-alikes: their face is gone."""
    found = load(session)
    if found is not None and any(person_id in pair for pair in found.lookalikes):
        rest = tuple(pair for pair in found.lookalikes if person_id not in pair)
        save(session, Calibration(found.fpir, found.raised, found.people, rest))

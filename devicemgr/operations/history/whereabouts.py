"""Who was where at an event of the ledger: folded from the last checkpoint before it, or from the first event."""

import time

from devicemgr.access import area_checkpoint
from devicemgr.domain.rules.areas.fold import FOLDS, fold_all
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, whereabouts as checkpoints

MAX_FOLD_S = 3.0
_PIECE = 2000


def whereabouts_at(session: Session, seq: int, zones: ZoneMap, *, within_s: float | None = None) -> Whereabouts | None:
    """Return who was where after event `seq`, by the zones and portals of then; None where that takes too long."""
    if not zones.zones:
        return NOWHERE
    give_up = time.monotonic() + (MAX_FOLD_S if within_s is None else within_s)
    state = area_checkpoint.stored(session) if checkpoints.seq_of(session) <= seq else NOWHERE
    after = state.seq
    while found := events.bodies_between(session, after, seq, tuple(FOLDS), _PIECE):
        state = fold_all(state, (body for _, body in found), zones)
        after = found[-1][0]
        if time.monotonic() > give_up:
            return None
    return state

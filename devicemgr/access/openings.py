"""From a decision to the gate's answer: record, then release, once; without a record there is no release."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from devicemgr.access.ledger_facts import unrecorded_fact
from devicemgr.access.portals.indicators import GateLine
from devicemgr.access.release import Opening, Outcome, Sent, cancel_release, release_gate
from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.policy import Decision
from devicemgr.errors import DevicemgrError, StorageFailed
from devicemgr.ledger.writer import Ledger

log = logging.getLogger(__name__)


class Openings:
    """Any thread; `post` hands the outcome over to the dispatcher."""

    def __init__(self, ledger: Ledger, gates: GateLine, post: Callable[[Outcome], None]) -> None:
        self._ledger = ledger
        self._gates = gates
        self._post = post

    def record(self, opening: Opening, facts: Sequence[Fact], row: Sequence[Opening] = ()) -> None:
        """Record an opening in one transaction, the grant last, and release the gate after it.

        `row` are openings that are recorded with it and released later. StorageFailed when storage is too slow to take
        it.
        """
        self._ledger.submit_all(facts, then=partial(self._release, opening, row), keep=False)

    def _release(self, opening: Opening, row: Sequence[Opening], entry: Entry | None) -> None:
        """On the ledger's thread, after the commit: without a record there is no release."""
        if entry is not None:
            self.release(opening)
            return
        for one in (opening, *opening.along, *row):
            self._ledger.submit(unrecorded_fact(one))
        refusal = StorageFailed("nothing was opened: it could not be recorded; check the disk of the home folder")
        for one in (opening, *row):
            self._post(Outcome(one, 0.0, time.monotonic(), refusal, senses_passage=False))

    def release(self, opening: Opening) -> None:
        """Release the gate for an opening that is on record, once."""
        recorded = time.monotonic()
        self._gates.command(
            opening.portal.gate, partial(release_gate, opening), partial(self._released, opening, recorded)
        )

    def _released(self, opening: Opening, recorded: float, result: object, error: Exception | None) -> None:
        """On the gate's thread: hand the outcome to the dispatcher, ahead of the passage that it causes."""
        failure = error if isinstance(error, DevicemgrError) or error is None else DevicemgrError(repr(error))
        if failure is not None:
            about = {"device": opening.portal.gate, "request": opening.request}
            log.warning("portal %s was not opened: %s", opening.portal.name, failure, extra=about)
        sent = result if isinstance(result, Sent) else Sent(senses_passage=True)
        error_or_unknown, now = failure or sent.unknown, time.monotonic()
        self._post(Outcome(opening, recorded, now, error_or_unknown, sent.senses_passage, sent.delivery, sent.times))

    def cancel(self, portal: Portal, direction: Direction) -> None:
        """Take back a release that has run out here: the gate's own clock may be slower."""
        self._gates.command(portal.gate, partial(cancel_release, portal, direction), _not_canceled)


def opening_of(request: AccessRequest, portal: Portal, decided: float, decision: Decision) -> Opening:
    """Return the opening that a granted request permits."""
    return Opening(
        request.id,
        portal,
        request.direction,
        request.captured,
        decided,
        decision.person_id,
        presented_at=request.device,
        question=request.question,
        use_of=decision.use_of,
    )


def _not_canceled(_: object, error: Exception | None) -> None:
    if error:
        log.warning("Failed to cancel an unused release: %s", error)

"""Let people who were granted together pass a turnstile one after another.

All are on record before the first release. Each other release follows when the passage before it has ended or timed
out, and only if the person would still be granted: so one decision has one unlock, and the gate never waits for two.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from devicemgr.access.release import RELEASE_WITHIN_S, Opening, Outcome
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.passage_state import PASSAGE_TIMEOUT_S

# A gate that reports no end of a passage holds the next person up no longer than this.
_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Turn:
    """An opening that is on record and not released yet; `together` are the people of the whole row."""

    opening: Opening
    request: AccessRequest
    together: tuple[str, ...]


@dataclass(slots=True)
class _Row:
    current: str
    until: float
    rest: deque[Turn] = field(default_factory=deque)
    is_over: bool = False


class Rows:
    """For the dispatcher's thread only.

    `release` sends the release of an opening that is on record, `refuses` gives why its person would not be granted
    any more, and `void` records that an opening was not released, and why.
    """

    def __init__(
        self,
        release: Callable[[Opening], None],
        refuses: Callable[[Turn], Reason | None],
        void: Callable[[Opening, str], None],
    ) -> None:
        self._release = release
        self._refuses = refuses
        self._void = void
        self._rows: dict[str, _Row] = {}

    def begin(self, first: Opening, rest: Sequence[Turn]) -> None:
        """Note that an opening is about to be released, and who follows it."""
        self._rows[first.portal.name] = _Row(first.request, math.inf, deque(rest))

    def drop(self, portal: str) -> None:
        """Forget a row that came to nothing."""
        self._rows.pop(portal, None)

    def is_busy(self, portal: str) -> bool:
        """Return True while people pass a portal one after another."""
        return portal in self._rows

    def holds(self, portal: str, direction: Direction, person_id: str) -> bool:
        """Return True if a person's turn is still to come at this side."""
        row = self._rows.get(portal)
        return row is not None and any(
            turn.opening.direction is direction and turn.opening.person_id == person_id for turn in row.rest
        )

    def on_outcome(self, outcome: Outcome, *, opened: bool) -> list[Opening]:
        """Take the gate's answer to a release; return who was to follow one that failed, and goes nowhere."""
        opening = outcome.opening
        row = self._rows.get(opening.portal.name)
        if row is None or row.current != opening.request:
            return []
        if not opened:
            del self._rows[opening.portal.name]
            return [turn.opening for turn in row.rest] if outcome.recorded else []
        waits = outcome.times.waits_s if outcome.times else opening.portal.release_seconds
        passage = (outcome.times.passage_s if outcome.times else None) or PASSAGE_TIMEOUT_S
        row.until = outcome.ended + waits + (passage + _SLACK_S if outcome.senses_passage else 0.0)
        return []

    def ended(self, request: str | None) -> None:
        """Note that a passage has ended or timed out; the next release follows with the next tick.

        Not at once: what is left of a release that ran out is still to be canceled at the gate.
        """
        for row in self._rows.values():
            if row.current == request:
                row.is_over = True

    def tick(self, now: float) -> None:
        """Release whose turn it is."""
        for portal, row in list(self._rows.items()):
            if row.is_over or now >= row.until:
                self._next(portal, row, now)

    def _next(self, portal: str, row: _Row, now: float) -> None:
        while row.rest:
            turn = row.rest.popleft()
            reason = self._refuses(turn)
            if reason is None:
                seconds = RELEASE_WITHIN_S + turn.opening.portal.release_seconds + PASSAGE_TIMEOUT_S + _SLACK_S
                row.current, row.until, row.is_over = turn.opening.request, now + seconds, False
                self._release(replace(turn.opening, decided=time.monotonic()))
                return
            self._void(turn.opening, f"not released in its turn: {reason}")
        self._rows.pop(portal, None)

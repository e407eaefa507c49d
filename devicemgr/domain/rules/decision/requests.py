"""A request at a portal and the evidence that comes with it."""

from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.rules.validity import ALWAYS, CardTerm

MAX_EVIDENCE_AGE_S = 2.0
# Consoles give whole seconds, and their clocks are read to half a second.
MAX_CONSOLE_AGE_S = MAX_EVIDENCE_AGE_S + 1.5
# What was shown first waits this long for a card, a face or a PIN.
SECOND_FACTOR_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """What recognition says of one face: cosine scores, higher is more alike; `reason` None for a match."""

    score: float | None
    threshold: float
    margin: float | None
    frames: int
    liveness: float | None = None
    person_id: str | None = None
    reason: Reason | None = None
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class CardEvidence:
    """A card that was read: every number it answers to, and its holder; `person_id` None without one.

    One that could not be read has no numbers; `unread` says why.
    """

    names: tuple[str, ...]
    person_id: str | None = None
    is_blocked: bool = False
    unread: str = ""
    term: CardTerm = ALWAYS

    def refusal(self, at: datetime) -> Reason | None:
        """Return None, or why the card opens nothing at `at`, whatever its holder's rights."""
        return Reason.CARD_BLOCKED if self.is_blocked else self.term.refusal(at)


@dataclass(frozen=True, slots=True)
class ConsoleEvidence:
    """What a console says of a person: the factors it proved, and the person of its badge (None for an unknown one).

    `stale` says in words why its question is not of now, or is a repetition; "" when it is fresh. `refused` is True
    when the console itself refused, for `reason` where that is one of ours.
    """

    vendor: str
    method: str = ""
    factors: frozenset[Factor] = frozenset()
    person_id: str | None = None
    stale: str = ""
    refused: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Presentation of a person: `at` is aware wall time, `captured`, `first` and `now` are CLOCK_MONOTONIC seconds.

    `captured` is when the last of face, card and PIN came, `first` when the first did. `pin` is True for the right
    one, False for a wrong one, None for none. `more_possible` tells of a reader on that side, for a second factor.
    `console` is what a console proved beside `face`, `card` and `pin`, and `question` the number of its question.
    `also_at` are other times at which the right must hold, while it is not known which of two clocks is right.
    """

    id: str
    portal: str
    direction: Direction
    device: str
    at: datetime
    captured: float
    now: float
    face: FaceEvidence | None = None
    card: CardEvidence | None = None
    pin: bool | None = None
    first: float | None = None
    more_possible: bool = False
    question: int | None = None
    also_at: tuple[datetime, ...] = ()
    console: ConsoleEvidence | None = None

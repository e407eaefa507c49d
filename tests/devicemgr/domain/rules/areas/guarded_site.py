"""A site of the tests of decisions: people, portals, rules of zones, and what the ledger says of where they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from devicemgr.domain.model import AccessLevel, Direction, Person, Portal
from devicemgr.domain.rules.areas.facts import Facts, Reservation
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide
from devicemgr.domain.zones import Enforcement, Interlock, Waiver
from tests.devicemgr.domain.rules.areas.floor import ENTRY, NOON, PORTALS, Book, zones

HARD, SOFT, OFF = Enforcement.HARD, Enforcement.SOFT, Enforcement.OFF
TRAP = Interlock("trap", frozenset({"main", "lab-door"}))


@dataclass
class Site:
    """Anna and Bert may go everywhere; the ledger's book says where they are."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waives: frozenset[Waiver] = frozenset()
    portals: Mapping[str, Portal] = field(default_factory=lambda: PORTALS)
    interlocks: Mapping[str, Interlock] = field(default_factory=dict)
    reservations: tuple[Reservation, ...] = ()
    not_shut: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)
    fire: bool = False

    def __post_init__(self) -> None:
        self.book = Book(**self.settings)

    @property
    def snapshot(self) -> Snapshot:
        levels = {"all": AccessLevel("all", dict.fromkeys(self.portals), waives=self.waives)}
        people = {name: Person(name, name, name, levels=frozenset({"all"})) for name in ("anna", "bert")}
        return Snapshot(
            1,
            people=people,
            levels=levels,
            portals=self.portals,
            zones=zones(**self.settings),
            interlocks=self.interlocks,
            fire_active=self.fire,
        )

    @property
    def facts(self) -> Facts:
        return Facts(self.book.state, self.reservations, self.not_shut, self.unsure)

    def request(self, portal: str, direction: Direction, person: str, minutes: float) -> AccessRequest:
        at = NOON + timedelta(minutes=minutes)
        return AccessRequest("r", portal, direction, "reader", at, 10.0, 10.1, card=CardEvidence(("1",), person))

    def asks(
        self, portal: str = "main", direction: Direction = ENTRY, person: str = "anna", minutes: float = 30
    ) -> Decision:
        return decide(self.request(portal, direction, person, minutes), self.snapshot, self.facts)


def apb(how: Enforcement = HARD, **more: Any) -> Site:
    return Site({"lobby": {"anti_passback": how} | more})


def verdict(decision: Decision) -> str:
    if not decision.granted:
        return f"denied {decision.reason}"
    reasons = [str(violation.reason) for violation in decision.violations]
    return " ".join(["granted", *(f"recorded {reason}" for reason in reasons)])


def inside(site: Site) -> Site:
    site.book.passes("anna", "main")
    return site

"""The replay of a plan of the site's file: what it answers, and who may have it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from devicemgr.access.policy_cache import load_snapshot
from devicemgr.api.authorization import require_route, sees_names
from devicemgr.api.context import Caller, Context
from devicemgr.api.conventions.models import ResponseBody
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.errors import InvalidInput
from devicemgr.operations.history import replays
from devicemgr.store.database import Session, revision


class ReplayedPerson(ResponseBody):
    """Requests of one person that would be decided otherwise; `first` is the seq of the first of them."""

    badge: str
    name: str | None = Field(None, description="For guards and admins.")
    count: int
    portals: list[str]
    hours: list[str] = Field(description="Of the day, in the site's time zone.", examples=[["17:00-18:00"]])
    reasons: list[str] = Field(
        description="Why they would be refused; for a gain why they are now; or what they would need.",
        examples=[["outside_schedule"]],
    )
    first: int


class ReplayTotal(ResponseBody):
    """How many requests, of how many people, and at which portals."""

    requests: int
    people: int
    portals: dict[str, int]


class LevelWithoutRequests(ResponseBody):
    """How many people of a level made no request in the window, so that nothing is said of them."""

    level: str
    people: int


class ReplayAnswer(ResponseBody):
    """What the recorded requests of a window would come to by the file, compared with the rights in force.

    A loss is granted now and would be refused, a gain the reverse; `needs_more` is granted now and would need something
    that was not shown. People are listed where the call says `people`.
    """

    since: str
    until: str
    requests: int = Field(description="Requests that were judged, of people who are still here.")
    people: int = Field(description="How many people made them.")
    totals: dict[str, ReplayTotal] = Field(description="Of losses, gains and needs_more.")
    losses: list[ReplayedPerson]
    gains: list[ReplayedPerson]
    needs_more: list[ReplayedPerson]
    never_came: list[LevelWithoutRequests]
    not_predicted: dict[str, int] = Field(
        description="Requests of people who were erased since, and those refused by anti-passback to people who would "
        "have passed before.",
    )
    unknown: list[str]


@dataclass(slots=True)
class PlannedReplay:
    """A replay of a call; `planned` gets the rights that its plan would put in force."""

    context: Context
    caller: Caller
    window: str
    people: bool
    present: Snapshot | None = None
    planned: Snapshot | None = None

    def check(self, *, is_plan: bool) -> None:
        """Raise InvalidInput for what is no window, or no plan, and NotAllowed for who may not read events."""
        replays.window_of(self.window)
        if not is_plan:
            raise InvalidInput("a replay changes nothing: it goes with a plan")
        require_route(self.caller, "GET", "/events", "replay recorded requests")

    def take_present(self, session: Session) -> None:
        """Note the rights in force, within the transaction that the plan is made in."""
        rules = self.context.runtime.rules()
        self.present = rules if rules.version == revision(session) else load_snapshot(session, revision(session))

    def take_planned(self, session: Session) -> None:
        """Note the rights that the plan makes, before it is rolled back."""
        readers = self.present.readers if self.present else frozenset[str]()
        self.planned = replace(load_snapshot(session, revision(session)), readers=readers)

    def answer(self) -> Mapping[str, Any]:
        """Replay the window; outside of any transaction, as it takes its time."""
        assert self.present is not None
        assert self.planned is not None
        database = self.context.site.database
        found = replays.replay(database, self.present, self.planned, replays.window_of(self.window))
        with database.read() as session:
            answer = replays.replay_json(session, found, names=sees_names(self.caller))
        return answer if self.people else answer | {"losses": [], "gains": [], "needs_more": []}

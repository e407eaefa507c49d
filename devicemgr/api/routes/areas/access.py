"""/access: whether a person may pass, and why one was refused, check by check. Nothing is changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from devicemgr.api.authorization import may, sees_names
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.conventions.models import ResponseBody
from devicemgr.api.routes.site.events import Event
from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.rules.decision.advice import advise
from devicemgr.domain.rules.decision.snapshot import NO_PERSON, Snapshot
from devicemgr.domain.rules.past.recorded import direction_of
from devicemgr.domain.rules.policy import Explanation
from devicemgr.errors import InvalidInput
from devicemgr.operations.history import decisions
from devicemgr.site.areas import explanations
from devicemgr.store.database import revision
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.site import portals as portal_rows, settings
from devicemgr.text import parse_time, safe

router = APIRouter(prefix="/access", tags=["access"])


class ExplainedCheck(ResponseBody):
    """What one check says: it objected, or only recorded a violation, or found nothing; with what it read."""

    check: str = Field(examples=["no_access_level"], description="A reason of events.")
    code: str = Field(examples=["no_access_level"], description="Names `when`, for words of one's own.")
    when: str = Field(examples=["none of the person's levels covers the portal"])
    objected: bool
    recorded: bool
    facts: dict[str, Any]


class Advice(ResponseBody):
    """One of `helps` as a code with arguments."""

    code: str = Field(examples=["level"])
    args: dict[str, Any] = Field(examples=[{"portal": "lab", "levels": ["laboratory"]}])


class AccessExplanation(ResponseBody):
    """What would be decided; the first check that objected gives the reason."""

    granted: bool
    reason: str | None = Field(examples=["no_access_level"])
    checks: list[ExplainedCheck]
    helps: list[str] = Field(description="What would let the person in.", examples=[["a level that covers portal lab"]])
    advice: list[Advice] = Field(description="The same as `helps`, in their order.")


class DecisionExplanation(AccessExplanation):
    """Why a recorded decision was made.

    The reason and its facts are those of the record. All other checks are by the rights and the whereabouts of then,
    and `unknown` says what of these is not on record. `helps` goes by the rights of now; `rights_changed` says whether
    any were changed since.
    """

    event: Event
    rights_changed: bool
    unknown: list[str] = Field(
        description="What is not known of then.",
        examples=[["valid_to of the person: event 812 does not say what it was"]],
    )


def _names_levels(caller: Caller) -> bool:
    return may(caller, "GET", "/levels")


@router.get("/try", response_model=AccessExplanation)
def try_access(
    context: Ctx,
    caller: Who,
    badge: Annotated[str, Query(max_length=64)],
    portal: Annotated[str, Query(max_length=63)],
    direction: Direction = Direction.ENTRY,
    at: Annotated[str | None, Query(max_length=40, description="Another time than now.")] = None,
    factors: Annotated[
        str | None, Query(alias="with", max_length=40, description="What is presented, such as card,pin.")
    ] = None,
) -> dict[str, Any]:
    """Say what would be decided if the person presented themselves, and what each check says."""
    rules = context.runtime.rules()
    with context.site.database.read() as session:
        person = rules.people.get(people.get(session, badge).id, NO_PERSON)
        model = portal_rows.portal_model(portal_rows.portal(session, portal))
        zone = settings.load(session).zone
    moment = parse_time(at, zone) if at else None
    shown = _factors(factors) if factors else explanations.factors_for(model, person, rules)
    found = context.runtime.explain(person.id, portal, direction, moment, shown)
    when = moment or datetime.now(UTC)
    return explanations.answer_of(found, rules, portal, when, names_levels=_names_levels(caller)).as_json()


@router.get("/why/{event}", response_model=DecisionExplanation)
def explain_decision(event: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Say why a decision on record was made; `event` is its seq, or the `request` of any event of it."""
    rules, names_levels = context.runtime.rules(), _names_levels(caller)
    with context.site.database.read() as session:
        found = explanations.find_decision(session, event, names=sees_names(caller))
        body = events.body(session, found["seq"]) or {}
        changed = explanations.have_rights_changed(session, found["seq"])
        then = decisions.explain_then(session, body, rules if revision(session) == rules.version else None)
    at, portal = parse_time(found["time"]), found["portal"] or ""
    checks = explanations.answer_of(then.checks, then.rights, portal, at, names_levels=names_levels).checks
    now = _explained_now(context, rules, body, at)
    helps = advise(now, rules, portal, datetime.now(UTC), names_levels=names_levels)
    answer = explanations.recorded_answer(found, checks, helps)
    return answer.as_json() | {"event": found, "rights_changed": changed, "unknown": then.unknown}


def _explained_now(context: Context, rules: Snapshot, body: Mapping[str, Any], at: datetime) -> list[Explanation]:
    """Return what the checks would say by the rights of now; nothing for who or what is no longer there."""
    person, portal = body["person_id"], body["portal"]
    if person not in rules.people or portal not in rules.portals:
        return []
    return context.runtime.explain(person, portal, direction_of(body), at, explanations.factors_shown(body))


def _factors(text: str) -> frozenset[Factor]:
    try:
        return frozenset(Factor(word.strip()) for word in text.split(","))
    except ValueError as error:
        known = ", ".join(Factor)
        raise InvalidInput(f"'{safe(text, 40)}' names no factors; write some of {known} with commas") from error

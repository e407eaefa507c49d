"""Synchronize the people of a source with it: read, compare, and make all changes or none."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from devicemgr.errors import DevicemgrError, Hint, InvalidInput, NotAllowed, PlanHeld, RequestError
from devicemgr.people import face_enrollment
from devicemgr.people.sources import state
from devicemgr.people.sources.reading import SourceRows, read_source
from devicemgr.people.tables.apply import apply_change, counts_of, hosts_of
from devicemgr.people.tables.plan import Change, Missing, Plan, Policy, make_plan
from devicemgr.people.tables.present import read_present
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.sources.fields import SourceFields, fields_of
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import revision
from devicemgr.store.people import people, sources as rows
from devicemgr.store.people.sources import BY_SOURCE, actor_of
from devicemgr.text import badge_key, rfc3339

SYNCED = "admin.sync"
_MAX_TRIES, _MAX_LATE_REFUSALS = 100, 20
MAX_CHANGES_AT_ONCE = 400
"""In one transaction, which keeps the database for about 3 ms a change; an access decision is void after 2 s."""
# Of a larger plan, as `tables.apply` does it.
_FEW, _PAUSE_S = 8, 0.002
# The scheduler, an admin's command and the daily removal take turns.
one_at_a_time = threading.Lock()

RequireRights = Callable[[Plan], None]
"""A check whether the caller may make the changes of a plan; raises NotAllowed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source's plan, and what it was made from: the rows, what the source states, and the site's revision."""

    plan: Plan
    read: SourceRows
    fields: SourceFields
    revision: int

    @property
    def is_held(self) -> bool:
        """True if it takes from more people than it may without a look."""
        return self.plan.taken_away > self.plan.max_taken_away

    def as_json(self) -> dict[str, Any]:
        """Return what the API answers of a plan."""
        plan = self.plan
        return {
            "changes": [change.as_json() for change in plan.changes],
            "refused": [asdict(refused) for refused in plan.refused],
            "unchanged": plan.unchanged,
            "unsure": plan.unsure,
            "taken_away": plan.taken_away,
            "max_taken_away": plan.max_taken_away,
            "digest": plan.digest,
            "held": self.is_held,
            "rows": len(self.read.rows),
            "read_as": self.read.form,
            "is_guess": self.read.is_guess,
            "columns": list(self.read.fields),
            "ignored_columns": list(self.read.ignored),
        }


class _Changed(Exception):
    """The site was changed since the plan was made."""


class _RefusedLate(Exception):
    """A change was refused by its service."""

    def __init__(self, change: Change, cause: str) -> None:
        super().__init__(cause)
        self.change, self.cause = change, cause


def compare(site: Site, name: str) -> Comparison:
    """Return what a source would change now; raises the error of its reading."""
    with site.database.read() as session:
        fields = fields_of(rows.source(session, name))
    return _compared(site, name, fields, read_source(site.home, fields), {})


def sync(
    site: Site,
    runtime: Runtime,
    name: str,
    *,
    by: str | None = None,
    accept: str | None = None,
    require: RequireRights = lambda _: None,
) -> dict[str, Any]:
    """Make the changes of a source, all or none, and return them; `by` is who requested it, None for the daemon.

    `accept` is the digest of the very plan to make; without it, PlanHeld if that takes from too many people. A source
    that can't be read, or holds nothing, changes no one, and is noted as failed.
    """
    with one_at_a_time:
        began = time.monotonic()
        with site.database.read() as session:
            fields = fields_of(rows.source(session, name))
        try:
            read = read_source(site.home, fields)
            found = _applied(site, name, fields, read, _Request(by, accept, require, began))
        except (PlanHeld, NotAllowed):
            raise
        except DevicemgrError as error:
            state.note_failure(site, name, error)
            raise
        if found.plan.changes:
            runtime.rights_changed()
    return found.as_json() | {"applied": True}


@dataclass(frozen=True, slots=True)
class _Request:
    """Who requested a run, what they accepted and may do, and the CLOCK_MONOTONIC second of its begin."""

    by: str | None
    accept: str | None
    require: RequireRights
    began: float


def _compared(site: Site, name: str, fields: SourceFields, read: SourceRows, refused: Mapping[str, str]) -> Comparison:
    """Compare with everyone who is here; `refused` has the rows that a service refused, by their badge."""
    policy = Policy(
        update=True,
        as_written=fields.as_written,
        missing=Missing(fields.missing),
        source=name,
        level_map=fields.map,
        max_taken_away=fields.most_changes,
    )
    stated = [
        {**row, "fault": refused[badge]} if (badge := badge_key(str(row["badge"]))) in refused else row
        for row in read.rows
    ]
    with site.database.read() as session:
        seen, present = revision(session), read_present(session)
    return Comparison(make_plan(stated, present, policy), read, fields, seen)


def _applied(site: Site, name: str, fields: SourceFields, read: SourceRows, request: _Request) -> Comparison:
    refused: dict[str, str] = {}
    for _ in range(_MAX_TRIES + _MAX_LATE_REFUSALS):
        found = _compared(site, name, fields, read, refused)
        request.require(found.plan)
        _require_rows(found)
        _require_accepted(site, name, found, request.accept)
        try:
            _make(site, name, found, request)
        except _Changed:
            continue
        except _RefusedLate as late:
            refused[late.change.badge] = late.cause
            continue
        _remove(site, name, found.plan.changes)
        return found
    raise RequestError("people and site were changed all the time; nothing was changed, try again")


def _require_rows(found: Comparison) -> None:
    """Raise InvalidInput for a source of which nothing can be taken: it was not read rightly."""
    refused = found.plan.refused
    if len(refused) == len(found.read.rows):
        raise InvalidInput(f"no row can be taken, so nothing was changed; the first: {refused[0].why}")


def _require_accepted(site: Site, name: str, found: Comparison, accept: str | None) -> None:
    """Raise PlanHeld for a plan that takes from too many, and for any but the one that was accepted."""
    plan = found.plan
    hint = Hint("accept_sync", name=name, digest=plan.digest)
    if accept is not None and accept != plan.digest:
        raise PlanHeld(
            f"source {name} has another plan now than the one that was accepted; nothing was changed: look at it again",
            hint=hint if found.is_held else Hint("plan_source", name=name),
        )
    if found.is_held and accept is None:
        state.note_held(site, name, found.plan, found.read)
        raise PlanHeld(
            f"{plan.taken_away} of {plan.people} people of source {name} would lose rights, over "
            f"{plan.max_taken_away} at once; nothing was changed: check the source",
            hint=hint,
        )


def _make(site: Site, name: str, found: Comparison, request: _Request) -> None:
    """Make all changes in one transaction; who is to be removed loses every right in it.

    A plan of more people than one transaction may keep the gates' record waiting for is made a few at a time, what
    takes rights away first: what a failure leaves of it, the next run does.
    """
    plan = found.plan
    changes = list(_with_present_badges([*plan.changes, *hosts_of(plan.changes)]))
    parts: list[list[Change]] = [changes]
    if len(plan.changes) > MAX_CHANGES_AT_ONCE:
        parts = [changes[at : at + _FEW] for at in range(0, len(changes), _FEW)]
    seen = found.revision
    for part in parts[:-1]:
        with unit_of_work(site, actor_of(name), is_batch=True) as work:
            _require_unchanged(work, seen)
            _make_some(work, name, part)
        seen += work.has_changes
        time.sleep(_PAUSE_S)
    with unit_of_work(site, actor_of(name), is_batch=True, changes_site=bool(plan.changes)) as work:
        _require_unchanged(work, seen)
        _make_some(work, name, parts[-1])
        _assign(work, name, found)
        detail = counts_of(plan) | {
            "source": name,
            "unchanged": plan.unchanged,
            "refused": len(plan.refused),
            "digest": found.read.digest,
            "plan": plan.digest,
            "seconds": round(time.monotonic() - request.began, 3),
            "by": request.by,
        }
        row = rows.source(work.session, name)
        state.note_run(row, detail, found.plan, found.read, rfc3339(site.clock.now()))
        work.record(SYNCED, detail)


def _require_unchanged(work: UnitOfWork, seen: int) -> None:
    if revision(work.session) != seen:
        raise _Changed


def _with_present_badges(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield changes, each with the badge that its person has by then: the source may have given another."""
    badges: dict[str, str] = {}
    for change in changes:
        yield replace(change, badge=badges.get(change.badge, change.badge))
        if "badge" in change.fields and change.change == "edit":
            badges[change.badge] = change.fields["badge"][1]


def _make_some(work: UnitOfWork, name: str, changes: Iterable[Change]) -> None:
    for change in changes:
        made = replace(change, change="suspend") if change.change == "remove" else change
        try:
            apply_change(work, made, BY_SOURCE)
        except RequestError as error:
            raise _RefusedLate(change, str(error)) from error
        if change.change == "add" or "source" in change.fields:
            _take_over(work, name, change)


def _take_over(work: UnitOfWork, name: str, change: Change) -> None:
    """Make a person the source's own; the record says so of one who was the site's."""
    badge = change.fields["badge"][1] if change.change == "edit" and "badge" in change.fields else change.badge
    row = people.get(work.session, badge)
    row.source = name
    if change.change == "edit":
        work.record("admin.person_edited", {"changed": ["source"]}, person_id=row.id)


def _assign(work: UnitOfWork, name: str, found: Comparison) -> None:
    """Note whose people they are, by their ids in the source, and since when it does not name them."""
    refused = {(one.badge, one.line) for one in found.plan.refused}
    named = {badge_key(str(row["badge"])): row for row in found.read.rows}
    taken = {
        badge: str(row.get("source_id", badge)) for badge, row in named.items() if (badge, row["line"]) not in refused
    }
    rows.assign(work.session, name, taken)
    ids = {str(row["source_id"]) for row in found.read.rows if "source_id" in row}
    at = rfc3339(work.site.clock.now()) if found.plan.unsure is None else None
    rows.mark_missing(work.session, name, {*named} | ids, at)


def _remove(site: Site, name: str, changes: Iterable[Change]) -> None:
    """Erase who is to be removed, one by one; what a kill leaves is done by the next run, which misses them too."""
    for change in changes:
        if change.change == "remove":
            face_enrollment.erase(site, actor_of(name), change.badge)

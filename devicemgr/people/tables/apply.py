"""Make the changes of a plan: a few people at a time, so that gates are never kept waiting for the database."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Any, Protocol

from devicemgr.domain.rules.person_details import FIELDS as DETAILS, PersonDetails
from devicemgr.errors import DevicemgrError, StorageFailed, SystemFault
from devicemgr.people import face_enrollment, service
from devicemgr.people.cards import blocks
from devicemgr.people.cards.cells import CardCell, parse_cell
from devicemgr.people.cards.temporary import Term
from devicemgr.people.group_changes import add_people
from devicemgr.people.level_grants import set_level
from devicemgr.people.service import PersonEdit
from devicemgr.people.tables.ownership import BY_TABLE
from devicemgr.people.tables.plan import Change, Plan, Refused
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.people import credentials
from devicemgr.store.people.newcomers import Newcomer

BLOCKED_BY_TABLE = "blocked in a table"
IMPORTED = "admin.people_imported"
# One transaction holds the database for some milliseconds for these, and the ledger waits as long.
_BATCH = 8
# After each the import rests as long as it took, within these bounds: gates need the processor too.
_MIN_PAUSE_S, _MAX_PAUSE_S = 0.002, 0.025
# Newcomers come into force this often, since everyone is read again each time; what changes others at once.
_IN_FORCE_EVERY_S = 2.0


class Progress(Protocol):
    """Follows the changes of a plan, and stops them."""

    @property
    def is_stopped(self) -> bool:
        """True once no more changes are to be begun."""

    def advance(self, count: int) -> None:
        """Note that so many changes more were made or refused."""


class _ToTheEnd:
    is_stopped = False

    def advance(self, count: int) -> None:
        pass


def apply_plan(site: Site, runtime: Runtime, actor: str, plan: Plan, progress: Progress = _ToTheEnd()) -> list[Refused]:
    """Make all changes, what takes rights away first; return those that were refused after all.

    Each person is changed whole or not at all. What was done before a failure of storage or a stop stays, and the same
    table again does the rest.
    """
    refused: list[Refused] = []
    done: list[Change] = []
    takes_away = [change for change in plan.changes if change.change in ("suspend", "remove")]
    others = [change for change in plan.changes if change not in takes_away] if takes_away else list(plan.changes)
    try:
        for changes in (takes_away, others):
            refused += _apply_all(site, actor, changes, progress, done)
            if changes:
                runtime.rights_changed()
        # Of whom a stop left out, none is given a host; who was added gets theirs, as a row is done whole.
        refused += _apply_all(site, actor, hosts_of(done), _ToTheEnd(), [])
    finally:
        runtime.rights_changed()
    if done:
        _record(site, actor, plan if len(done) == len(plan.changes) else replace(plan, changes=tuple(done)), refused)
    return refused


def _apply_all(
    site: Site, actor: str, changes: Sequence[Change], progress: Progress, done: list[Change]
) -> list[Refused]:
    refused: list[Refused] = []
    in_force, is_all = time.monotonic(), True
    try:
        for batch in _batches(changes):
            if progress.is_stopped:
                break
            began = time.monotonic()
            is_all = began - in_force >= _IN_FORCE_EVERY_S or any(change.change != "add" for change in batch)
            refused += _apply_batch(site, actor, batch, changes_site=is_all)
            in_force = began if is_all else in_force
            done += batch
            progress.advance(len(batch))
            time.sleep(min(max(time.monotonic() - began, _MIN_PAUSE_S), _MAX_PAUSE_S))
    finally:
        if not is_all:
            with site.database.write():
                pass  # readers of the store look again
    return refused


def counts_of(plan: Plan) -> dict[str, int]:
    """Return how many changes of each kind a plan has."""
    names = ("add", "edit", "suspend", "resume", "remove")
    return {name: sum(change.change == name for change in plan.changes) for name in names}


def _record(site: Site, actor: str, plan: Plan, late: Sequence[Refused]) -> None:
    counts = counts_of(plan)
    with unit_of_work(site, actor, changes_site=False) as work:
        work.record(IMPORTED, counts | {"refused": len(plan.refused) + len(late), "digest": plan.digest})


def _batches(changes: Iterable[Change]) -> Iterator[Sequence[Change]]:
    found = iter(changes)
    while batch := list(islice(found, _BATCH)):
        yield batch


def hosts_of(changes: Iterable[Change]) -> list[Change]:
    """Return the edits that give people hosts who were added with them."""
    return [
        Change(change.badge, change.name, "host", change.line, {"host": change.fields["host"]})
        for change in changes
        if change.fields.get("host", (None, None))[1] is not None
    ]


def _apply_batch(site: Site, actor: str, batch: Sequence[Change], *, changes_site: bool) -> list[Refused]:
    """Make some changes in one transaction; if one is refused, each in a transaction of its own."""
    if batch[0].change != "remove":
        try:
            added = [_newcomer(change) for change in batch if change.change == "add"]
            with unit_of_work(site, actor, changes_site=changes_site, is_batch=True) as work:
                _apply_together(work, batch, added)
        except (StorageFailed, SystemFault):
            raise
        except DevicemgrError:
            pass
        else:
            return []
    return [refused for change in batch if (refused := _apply_alone(site, actor, change)) is not None]


def _apply_alone(site: Site, actor: str, change: Change) -> Refused | None:
    try:
        if change.change == "remove":
            face_enrollment.erase(site, actor, change.badge)
        else:
            with unit_of_work(site, actor) as work:
                _apply(work, change)
    except (StorageFailed, SystemFault):
        raise
    except DevicemgrError as error:
        return Refused(change.badge, change.line, "refused", str(error))
    return None


def _apply_together(work: UnitOfWork, batch: Sequence[Change], added: Sequence[Newcomer]) -> None:
    if added:
        add_people(work, added)
    for change in batch:
        if change.change != "add":
            _apply(work, change)
            continue
        after = _after(change)
        _give_limited_cards(work, change.badge, after)
        if after.get("suspended"):
            service.set_suspended(work, change.badge, suspended=True)


def _cells(after: dict[str, Any]) -> list[CardCell]:
    return [parse_cell(text) for text in after.get("cards", ())]


def _give_limited_cards(work: UnitOfWork, badge: str, after: dict[str, Any]) -> None:
    for cell in _cells(after):
        if cell.is_limited:
            _give_card(work, badge, cell)


def _after(change: Change) -> dict[str, Any]:
    return {name: values[1] for name, values in change.fields.items()}


def _newcomer(change: Change) -> Newcomer:
    """Return who is added; their host is set last, by `hosts_of`."""
    after = _after(change)
    plain = {name: after[name] for name in ("levels", "valid_from", "valid_to") if name in after}
    cards = [cell.number for cell in _cells(after) if not cell.is_limited]
    details = {name: after.get(name) for name in DETAILS}
    is_escorted = bool(after.get("escort"))
    return Newcomer(change.badge, after["name"], **plain, cards=cards, escort=is_escorted, details=details)


def _apply(work: UnitOfWork, change: Change) -> None:
    apply_change(work, change, BY_TABLE if change.line is None else None)


def apply_change(work: UnitOfWork, change: Change, suspended_by: str | None) -> None:
    """Make one change that is no removal; `suspended_by` says what ends a suspension by itself."""
    after = _after(change)
    if change.change == "add":
        _add(work, change.badge, after, suspended_by)
    elif change.change in ("suspend", "resume"):
        service.set_suspended(work, change.badge, suspended=change.change == "suspend", by=suspended_by)
    else:
        _edit(work, change, after)


def _add(work: UnitOfWork, badge: str, after: dict[str, Any], suspended_by: str | None) -> None:
    plain = {name: after.get(name) for name in DETAILS if name != "host"}
    details = PersonDetails(**plain, escort=after.get("escort"))
    service.add_person(
        work,
        badge,
        after["name"],
        levels=after.get("levels", ()),
        valid_from=after.get("valid_from"),
        valid_to=after.get("valid_to"),
        details=details,
        cards=[cell.number for cell in _cells(after) if not cell.is_limited],
    )
    _give_limited_cards(work, badge, after)
    if after.get("suspended"):
        service.set_suspended(work, badge, suspended=True, by=suspended_by)


def _edit(work: UnitOfWork, change: Change, after: dict[str, Any]) -> None:
    """Set what differs; a host may be added by the same table, so hosts are set last, by `hosts_of`."""
    keeps_host = change.change == "edit" and after.get("host")
    details = {name: after[name] or "" for name in DETAILS if name in after and not (name == "host" and keeps_host)}
    plain = {name: after[name] or "" for name in ("name", "badge", "valid_from", "valid_to") if name in after}
    edit = PersonEdit(**plain, details=PersonDetails(**details, escort=after.get("escort")))
    badge = service.edit_person(work, change.badge, edit).badge
    for name, held in _both("levels", change):
        set_level(work, badge, name, held=held)
    before, wanted = (map(parse_cell, values or ()) for values in change.fields.get("cards", ((), ())))
    kept = {cell.number: cell for cell in wanted}
    for cell in before:
        if cell.number not in kept:
            service.remove_card(work, badge, cell.number)
        elif kept[cell.number] == cell:
            del kept[cell.number]
    for cell in kept.values():
        _give_card(work, badge, cell)


def _give_card(work: UnitOfWork, badge: str, cell: CardCell) -> None:
    service.assign_number(work, badge, cell.number, term=Term(cell.until))
    if cell.is_blocked and any(card.blocked is None for card in credentials.cards_held(work.session, cell.number)):
        blocks.block(work, cell.number, BLOCKED_BY_TABLE)


def _both(name: str, change: Change) -> list[tuple[str, bool]]:
    """Return what goes and what comes of a list, what goes first."""
    before, after = (set(values or ()) for values in change.fields.get(name, ((), ())))
    return [(item, False) for item in sorted(before - after)] + [(item, True) for item in sorted(after - before)]


def as_json(refused: Iterable[Refused]) -> list[dict[str, Any]]:
    """Return refusals as the API answers them."""
    return [asdict(one) for one in refused]

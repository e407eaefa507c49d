"""What a job of an import does: reads its file, shows what it would change, and makes the changes with a progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from devicemgr.errors import DevicemgrError, Hint, InvalidInput, PhotoRefused, PlanHeld
from devicemgr.people import service
from devicemgr.people.consents import Terms
from devicemgr.people.imports import rows
from devicemgr.people.imports.photos import NotTaken, PhotoImport, Result, Wanted
from devicemgr.people.imports.roster.archive import ZipPhoto
from devicemgr.people.imports.roster.reader import Entry, Photo, Roster, SourceOptions, read_archive
from devicemgr.people.imports.rows import ImportRow
from devicemgr.people.sources.table_process import read_apart
from devicemgr.people.tables import apply
from devicemgr.people.tables.apply import Progress, apply_plan
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.plan import Plan, Policy, make_plan
from devicemgr.people.tables.present import read_present
from devicemgr.people.tables.reader import JSON_FORM, Layout, Table
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.people import people

_MAX_NOTES = 100


@dataclass(frozen=True, slots=True)
class Importing:
    """Where an import works, and as whom; `require` raises NotAllowed for a change that the caller may not make."""

    site: Site
    runtime: Runtime
    actor: str
    require: Callable[[str, str], None]

    def require_all(self, plan: Plan) -> None:
        """Raise NotAllowed unless each change of a plan is allowed."""
        for change in plan.changes:
            self.require(change.change, change.badge)
            for part in ("levels", "cards", "department"):
                if part in change.fields:
                    self.require(part, change.badge)

    def plan(self, found: Sequence[dict[str, Any]], policy: Policy) -> Plan:
        """Return what rows would change now; NotAllowed as `require_all`."""
        with self.site.database.read() as session:
            present = read_present(session)
        plan = make_plan(found, present, policy)
        self.require_all(plan)
        return plan


@dataclass(frozen=True, slots=True)
class Begun:
    """What a person says when the changes are to be made: of photos the consent, of a table the plan's digest."""

    terms: Terms | None = None
    wanted: Wanted = field(default_factory=Wanted)
    accept: str | None = None


class Work(Protocol):
    """The import of one kind of file."""

    def read(self) -> None:
        """Read the file and compare it with who is here; InvalidInput if it can't be read."""

    def check(self, begun: Begun) -> None:
        """Raise a RequestError if the changes can't be made like this."""

    def run(self, begun: Begun, progress: Progress) -> None:
        """Make the changes until the progress is stopped."""

    def total(self) -> int:
        """Return how many steps there are."""

    def facts(self) -> dict[str, Any]:
        """Return what the file holds and what was done, as the API answers it."""

    def rows(self) -> list[ImportRow]:
        """Return what is refused, then what changes."""


class TableWork:
    """Import of a table of people."""

    def __init__(self, at: Importing, name: str, data: bytes, layout: Layout, policy: Policy) -> None:
        self._at = at
        self._name = name
        self._data: bytes | None = data
        self._layout = layout
        self._policy = policy
        self._table = Table((), "", ())
        self._plan = Plan((), (), 0, 0)
        self._digest = ""
        self._late: list[ImportRow] = []

    def read(self) -> None:
        """As Work."""
        assert self._data is not None
        self._table = read_apart(self._data, self._name, self._layout, ("badge",), FIELDS)
        self._data = None
        if self._table.form == JSON_FORM:
            self._policy = replace(self._policy, as_written=True)
        self._compare()

    def _compare(self) -> None:
        self._plan = self._at.plan([row.as_json() for row in self._table.rows], self._policy)
        self._digest = self._plan.digest

    def check(self, begun: Begun) -> None:
        """As Work; PlanHeld for a plan that takes away from unusually many, unless it was accepted."""
        if self._plan.taken_away > self._plan.max_taken_away and begun.accept != self._digest:
            raise PlanHeld(
                f"{self._plan.taken_away} of {self._plan.people} people would lose rights, over "
                f"{self._plan.max_taken_away} at once; nothing was changed: check the table",
                hint=Hint("accept_plan", digest=self._digest),
            )

    def run(self, begun: Begun, progress: Progress) -> None:
        """As Work; by a plan made now, since people may have been changed since the file was read."""
        shown = self._digest
        self._compare()
        if self._digest != shown:
            self.check(replace(begun, accept=None))
        late = apply_plan(self._at.site, self._at.runtime, self._at.actor, self._plan, progress)
        self._late = [rows.of_refusal(one) for one in late]

    def total(self) -> int:
        """As Work."""
        return len(self._plan.changes)

    def facts(self) -> dict[str, Any]:
        """As Work."""
        plan = self._plan
        return {
            "counts": apply.counts_of(plan)
            | {"unchanged": plan.unchanged, "refused": len(plan.refused) + len(self._late)},
            "read_as": self._table.form,
            "is_guess": self._table.is_guess,
            "ignored_columns": list(self._table.ignored),
            "unsure": plan.unsure,
            "taken_away": plan.taken_away,
            "max_taken_away": plan.max_taken_away,
            "digest": self._digest,
        }

    def rows(self) -> list[ImportRow]:
        """As Work."""
        undone = {(one.badge, one.line) for one in self._late}
        made = [rows.of_change(one) for one in self._plan.changes if (one.badge, one.line) not in undone]
        return [*self._late, *(rows.of_refusal(one) for one in self._plan.refused), *made]


class PhotoWork:
    """Import of an archive of photos, which stays in memory until its end."""

    def __init__(self, at: Importing, name: str, data: bytes, options: SourceOptions) -> None:
        self._at = at
        self._name = name
        self._data: bytes | None = data
        self._options = options
        self._roster = Roster()
        self._result = Result()
        self._known: set[str] = set()
        self._is_begun = False

    def read(self) -> None:
        """As Work."""
        assert self._data is not None
        self._roster = read_archive(self._name, self._data, self._options, read_apart)
        with self._at.site.database.read() as session:
            self._known = {row.badge for row in people.all_rows(session)}
        for entry in self._roster.entries:
            self._at.require("face", entry.badge)
            if entry.badge not in self._known:
                self._at.require("add", entry.badge)

    def check(self, begun: Begun) -> None:
        """As Work."""
        if begun.terms is None:
            raise InvalidInput("photos are enrolled under a consent; name the signed forms", code="consent_missing")

    def run(self, begun: Begun, progress: Progress) -> None:
        """As Work."""
        assert begun.terms is not None
        self._is_begun = True
        work = PhotoImport(_ByServices(self._at, begun.terms), begun.wanted, self._result, _read)
        todo = work.prepare(self._roster)
        progress.advance(len(self._roster.entries) - len(todo))
        for entry in todo:
            if progress.is_stopped:
                break
            work.enroll(entry)
            progress.advance(1)
        self._result.sort()

    def total(self) -> int:
        """As Work."""
        return len(self._roster.entries)

    def facts(self) -> dict[str, Any]:
        """As Work."""
        entries, result = self._roster.entries, self._result
        failed = result.people_failed if self._is_begun else len(self._roster.faults)
        counts = {
            "people": len(entries),
            "new": sum(entry.badge not in self._known for entry in entries),
            "photos": sum(len(entry.files) for entry in entries),
            "enrolled": result.enrolled,
            "skipped": result.skipped,
            "created": result.created,
            "edit": result.updated,
            "refused": failed,
        }
        return {
            "counts": counts,
            "skipped_files": list(self._roster.skipped[:100]),
            "differing": result.differing[:100],
        }

    def rows(self) -> list[ImportRow]:
        """As Work."""
        if not self._is_begun:
            wrong = [ImportRow(rows.REFUSED, f.badge, file=f.source, why=f.why) for f in self._roster.faults]
            return [*wrong, *map(_row, self._roster.entries)]
        left = [
            ImportRow(rows.REFUSED, one["badge"], one["name"], reasons=(code,), why=one["why"])
            for code, found in (("consent_withdrawn", self._result.withdrawn), ("consent_ended", self._result.ended))
            for one in found
        ]
        return [*map(rows.of_failure, list(self._result.failed)), *left]


def _row(entry: Entry) -> ImportRow:
    return ImportRow(rows.ENROLL, entry.badge, entry.name, photos=len(entry.files))


def _read(photo: Photo) -> bytes:
    assert isinstance(photo, ZipPhoto)
    return photo.read()


class _ByServices:
    """imports.photos.People by the services, as the routes call them."""

    def __init__(self, at: Importing, terms: Terms) -> None:
        self._at = at
        self._terms = replace(terms, bulk=True)

    def present(self) -> list[dict[str, Any]]:
        with self._at.site.database.read() as session:
            return [people.as_json(row) for row in people.all_rows(session)]

    def compare(self, found: list[dict[str, Any]], *, is_plan: bool) -> dict[str, Any]:
        plan = self._at.plan(found, Policy(update=True, as_written=True))
        late = [] if is_plan else apply_plan(self._at.site, self._at.runtime, self._at.actor, plan)
        undone = {(one.badge, one.line) for one in late}
        made = [change.as_json() for change in plan.changes if (change.badge, change.line) not in undone]
        return {"changes": made, "refused": apply.as_json([*plan.refused, *late])}

    def add(self, person: dict[str, Any]) -> None:
        self._at.require("add", person["badge"])
        try:
            with unit_of_work(self._at.site, self._at.actor, self._at.runtime) as work:
                service.add_person(work, **person)
        except DevicemgrError as error:
            raise _refusal(error) from error

    def enroll(self, badge: str, photos: list[bytes]) -> dict[str, Any]:
        try:
            return service.enroll_face(self._at.site, self._at.runtime, self._at.actor, badge, photos, self._terms)
        except DevicemgrError as error:
            raise _refusal(error) from error


def _refusal(error: DevicemgrError) -> DevicemgrError:
    """Return what refuses one person, or the error itself where it ends the import."""
    if error.http_status >= 500:
        return error
    return NotTaken(error, error.faces if isinstance(error, PhotoRefused) else ())

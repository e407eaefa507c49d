"""`enroll import`: everybody of a roster, a few requests at a time; each person all or nothing, and safe to repeat."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from devicemgr.cli.context import api
from devicemgr.cli.hints import message_of
from devicemgr.cli.output import warn
from devicemgr.cli.people.photos import ANALYSIS_SECONDS, MOST_PHOTOS, advice, encoded, read_photo, remedy
from devicemgr.cli.people.roster.archive import ZipPhoto
from devicemgr.cli.people.roster.photo_paths import UNREADABLE
from devicemgr.cli.people.roster.reader import Entry, Fault, Photo, SourceOptions, read_roster
from devicemgr.cli.people.tables import note_form
from devicemgr.cli.progress import progress
from devicemgr.cli.transport.api_client import Api, ApiProblem, path
from devicemgr.errors import DevicemgrError, InvalidInput
from devicemgr.text import counted

# Analysis takes a core whole, and gates come first.
_WORKERS = max(1, min(2, (os.cpu_count() or 1) // 2))
_MOST_NOTES = 20


@dataclass
class Result:
    """What became of everybody; numbers are of people, `failed` has a row for each photo or line at fault."""

    enrolled: int = 0
    skipped: int = 0
    created: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    people_failed: int = 0
    unnamed: int = 0
    updated: int = 0
    differing: list[str] = field(default_factory=list)
    other_name: list[str] = field(default_factory=list)
    withdrawn: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def fail(self, rows: list[dict[str, Any]]) -> None:
        """One person, with what is wrong."""
        with self.lock:
            self.failed += rows
            self.people_failed += 1

    def leave(self, people: list[dict[str, Any]], badge: str, name: str, problem: ApiProblem) -> None:
        """One person who is skipped: their consent is withdrawn or has ended."""
        with self.lock:
            people.append({"badge": badge, "name": name, "why": str(problem)})
            self.skipped += 1

    def summary(self) -> str:
        """One line for people."""
        new = f"; {self.created} new" if self.created else ""
        return f"{self.enrolled} enrolled, {self.skipped} skipped, {self.people_failed} failed{new}"

    def as_json(self) -> dict[str, Any]:
        """One document."""
        found: dict[str, Any] = {
            "enrolled": self.enrolled,
            "skipped": self.skipped,
            "failed": self.failed,
            "created": self.created,
        }
        if self.updated:
            found["updated"] = self.updated
        left = {"differing": self.differing, "withdrawn": self.withdrawn, "consent_ended": self.ended}
        return found | {name: people for name, people in left.items() if people}


@dataclass(frozen=True, slots=True)
class Options:
    """What a person says of an import besides its source.

    `levels` are granted to everyone in it, and `valid_to` ends the validity of those whose row has no end. `update`
    gives people who are here the names, levels and times of the source.
    """

    consent: dict[str, Any]
    workers: int | None = None
    source: SourceOptions = field(default_factory=SourceOptions)
    levels: tuple[str, ...] = ()
    valid_to: str | None = None
    update: bool = False


def run(source: Path, options: Options) -> Result:
    """Import everybody; an interruption or a daemon that goes away says how to go on."""
    roster = read_roster(source, options.source)
    if roster.table is not None:
        note_form(roster.table, source)
    _note(roster.skipped, "file was skipped", "files were skipped")
    result = Result()
    for fault in roster.faults:
        result.fail([_fault_row(fault)])
    importer = _Importer(api(), options, result)
    todo = [entry for entry in roster.entries if importer.accepts(entry)]
    todo = importer.update(todo)
    with progress() as bar:
        _work(importer.enroll, todo, options.workers or _WORKERS, bar)
    result.failed.sort(key=lambda row: (row["badge"] or "", row["file"]))
    for people in (result.withdrawn, result.ended):
        people.sort(key=lambda row: str(row["badge"]))
    importer.note_without_level(roster.entries)
    _tell(result)
    return result


def _work(enroll: Callable[[Entry], None], todo: list[Entry], workers: int, bar: Progress) -> None:
    task = bar.add_task("enrolling", total=len(todo))
    done = 0
    pool = ThreadPoolExecutor(workers, thread_name_prefix="enroll")
    try:
        for future in _finished(pool, enroll, todo, 2 * workers):
            future.result()
            done += 1
            bar.update(task, completed=done)
    except KeyboardInterrupt as interrupt:
        raise DevicemgrError(f"stopped after {done} of {_people(len(todo))}; {_GO_ON}") from interrupt
    except ApiProblem as problem:
        raise ApiProblem(problem.document | {"detail": _stopped(problem, done, todo)}) from problem
    except DevicemgrError as error:
        raise type(error)(_stopped(error, done, todo)) from error
    finally:
        pool.shutdown(cancel_futures=True)


_GO_ON = "run the same command again and it goes on from there"


def _stopped(error: DevicemgrError, done: int, todo: list[Entry]) -> str:
    return f"{error} (after {done} of {_people(len(todo))}; {_GO_ON})"


def _people(number: int) -> str:
    return counted(number, "person", "people")


def _finished(
    pool: ThreadPoolExecutor, enroll: Callable[[Entry], None], todo: list[Entry], most: int
) -> Iterable[Future[None]]:
    """Futures as they end, with at most `most` under way: a few people's photos in memory, not everybody's."""
    waiting: set[Future[None]] = set()
    for entry in todo:
        waiting.add(pool.submit(enroll, entry))
        if len(waiting) >= most:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from ended
    yield from wait(waiting).done


class _Importer:
    """Enrolls one person a call, from any thread."""

    def __init__(self, api: Api, options: Options, result: Result) -> None:
        self._api = api
        self._options = options
        self._result = result
        found = api.get("/people")
        self._names: dict[str, str] = {person["badge"]: person["name"] for person in found}
        self._by_department = {person["badge"] for person in found if person["department_levels"]}
        self._levels: dict[str, set[str]] = {person["badge"]: set(person["levels"]) for person in found}

    def accepts(self, entry: Entry) -> bool:
        """Return False, and note a failure, for what the API could only refuse."""
        if len(entry.files) <= MOST_PHOTOS:
            return True
        why = f"there are {len(entry.files)} photos; keep the best {MOST_PHOTOS}"
        self._result.fail([_row(entry.badge, str(entry.files[0].parent), "too_many_photos", why)])
        return False

    def update(self, entries: list[Entry]) -> list[Entry]:
        """Give people who are here what the source states, or note what differs; return who is left to enroll."""
        known = {place: entry for place, entry in enumerate(entries, 1) if entry.badge in self._names}
        if not known:
            return entries
        rows = [self._row(place, entry) for place, entry in known.items()]
        body = {"rows": rows, "update": True, "as_written": True, "plan": not self._options.update}
        answer = self._api.post("/people/import", body, timeout=ANALYSIS_SECONDS)
        for change in answer["changes"]:
            self._note_change(change)
        refused = {row["line"]: row["why"] for row in answer["refused"]}
        for place, why in refused.items():
            entry = known[place]
            self._result.fail([_row(entry.badge, str(entry.files[0]), "bad_row", why)])
        return [entry for place, entry in enumerate(entries, 1) if place not in refused]

    def _note_change(self, change: dict[str, Any]) -> None:
        badge, fields = change["badge"], change["fields"]
        if self._options.update:
            self._result.updated += 1
            self._levels[badge] = set(fields.get("levels", [None, self._levels[badge]])[1])
        elif differing := sorted(set(fields) - {"name"}):
            self._result.differing.append(f"{badge} ({', '.join(differing)})")

    def _row(self, line: int, entry: Entry) -> dict[str, Any]:
        """Return what the source states of someone who is here: levels of the table, and those of the option."""
        valid_to = entry.valid_to or self._options.valid_to
        stated = {"name": entry.name, "valid_from": entry.valid_from, "valid_to": valid_to}
        row: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
        if entry.levels or self._options.levels:
            row["levels"] = sorted({*(entry.levels or self._levels[entry.badge]), *self._options.levels})
        return {"line": line, "badge": entry.badge, **row}

    def note_without_level(self, entries: Iterable[Entry]) -> None:
        """Warn of those in the source who can't pass anywhere."""
        badges = [entry.badge for entry in entries if entry.badge not in self._by_department]
        here = [badge for badge in badges if not self._levels.get(badge, {""})]
        more = "no level and can't pass anywhere"
        _note(here, f"person holds {more}", f"people hold {more}")

    def enroll(self, entry: Entry) -> None:
        """Create the person if need be, and enroll the photos; a refusal is noted, any other failure raised."""
        try:
            photos = self._read(entry)
            if photos is None:
                return
            self._ensure(entry)
            body = {"photos": photos, "bulk": True, **self._options.consent}
            answer = self._api.post(path("people", entry.badge, "face"), body, timeout=ANALYSIS_SECONDS)
        except ApiProblem as problem:
            if int(problem.document.get("status", 500)) >= 500:
                raise
            skipped = {"consent-withdrawn": self._result.withdrawn, "consent-ended": self._result.ended}
            if (people := skipped.get(problem.slug)) is not None:
                self._result.leave(people, entry.badge, self._names.get(entry.badge, entry.badge), problem)
            else:
                self._result.fail(_refused(entry, problem))
            return
        with self._result.lock:
            if answer["faces"]:
                self._result.enrolled += 1
            else:
                self._result.skipped += 1

    def _read(self, entry: Entry) -> list[str] | None:
        photos, faults = [], []
        for file in entry.files:
            try:
                _require_readable(file)
                photos.append(encoded(file.read() if isinstance(file, ZipPhoto) else read_photo(file)))
            except InvalidInput as error:
                faults.append(_row(entry.badge, str(file), "unreadable_file", message_of(error)))
        if faults:
            self._result.fail(faults)
            return None
        return photos

    def _ensure(self, entry: Entry) -> None:
        known = self._names.get(entry.badge)
        if known is None:
            body = {"name": entry.name or entry.badge, "badge": entry.badge, "levels": self._new_levels(entry)}
            valid_to = entry.valid_to or self._options.valid_to
            self._api.post("/people", body | {"valid_from": entry.valid_from, "valid_to": valid_to})
            self._levels[entry.badge] = set(self._new_levels(entry))
            with self._result.lock:
                self._result.created += 1
                self._result.unnamed += entry.name is None
        elif entry.name is not None and entry.name != known and not self._options.update:
            with self._result.lock:
                self._result.other_name.append(f"{entry.badge} is {known} here, {entry.name} in the import")

    def _new_levels(self, entry: Entry) -> list[str]:
        return sorted({*entry.levels, *self._options.levels})


_CORRECT = "correct it, and run the same command again"


def _row(badge: str | None, file: str, reason: str, why: str) -> dict[str, Any]:
    return {"badge": badge, "file": file, "reasons": [reason], "why": why, "advice": why.partition("; ")[2] or _CORRECT}


def _require_readable(file: Photo) -> None:
    suffix = (file if isinstance(file, Path) else file.name).suffix.lower()
    if suffix in UNREADABLE:
        raise InvalidInput(f"photos of the kind {suffix} can't be read; save it as JPEG")


def _fault_row(fault: Fault) -> dict[str, Any]:
    return _row(fault.badge, fault.source, "bad_row", fault.why)


def _refused(entry: Entry, problem: ApiProblem) -> list[dict[str, Any]]:
    faces = problem.document.get("faces")
    if not faces:
        return [_row(entry.badge, str(entry.files[0]), "refused", str(problem))]
    kept = ("reasons", "duplicate_of")
    return [
        {"badge": entry.badge, "file": str(entry.files[face["photo"] - 1])}
        | {k: face[k] for k in kept if k in face}
        | {"why": advice(face), "advice": remedy(face)}
        for face in faces
        if face["reasons"]
    ]


def _named(people: list[dict[str, Any]]) -> list[str]:
    return [f"{row['name']} (badge {row['badge']})" for row in people]


def _note(notes: Iterable[str], one: str, many: str) -> None:
    found = list(notes)
    if found:
        rest = f"; and {len(found) - _MOST_NOTES} more" if len(found) > _MOST_NOTES else ""
        warn(f"{counted(len(found), one, many)}: {'; '.join(found[:_MOST_NOTES])}{rest}")


def _tell(result: Result) -> None:
    withdrew, ended = "withdrew their consent, skipped", "skipped, as this consent of theirs has ended"
    _note(_named(result.withdrawn), f"person {withdrew}", f"people {withdrew}")
    _note(_named(result.ended), f"person {ended}", f"people {ended}")
    stay = "here with other levels or dates, which stay; --update takes those of the table"
    _note(result.differing, f"person is {stay}", f"people are {stay}")
    _note(result.other_name, "person keeps the name that they have", "people keep the name that they have")
    if result.unnamed:
        warn(f"{_people(result.unnamed)} with the badge as name; see `devicemgr person edit --help`")

"""`enroll import`: everyone of a roster, a few requests at a time; each person all or nothing, and safe to repeat."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from devicemgr.cli.context import api
from devicemgr.cli.hints import joined
from devicemgr.cli.output import warn
from devicemgr.cli.people.photos import ANALYSIS_SECONDS, advice, encoded, read_photo, remedy
from devicemgr.cli.people.tables import note_form
from devicemgr.cli.progress import progress
from devicemgr.cli.transport.api_client import Api, ApiProblem, path
from devicemgr.errors import DevicemgrError
from devicemgr.people.imports.photos import Failure, NotTaken, PhotoImport, Result, Wanted
from devicemgr.people.imports.roster.archive import ZipPhoto
from devicemgr.people.imports.roster.reader import Entry, Photo, SourceOptions, read_roster
from devicemgr.text import counted

# Analysis takes a core whole, and gates come first.
_WORKERS = max(1, min(2, (os.cpu_count() or 1) // 2))
_MOST_NOTES = 20


def summary(result: Result) -> str:
    """Return one line for people."""
    new = f"; {result.created} new" if result.created else ""
    return f"{result.enrolled} enrolled, {result.skipped} skipped, {result.people_failed} failed{new}"


def as_json(result: Result) -> dict[str, Any]:
    """Return one document."""
    found: dict[str, Any] = {
        "enrolled": result.enrolled,
        "skipped": result.skipped,
        "failed": [row_of(failure) for failure in result.failed],
        "created": result.created,
    }
    if result.updated:
        found["updated"] = result.updated
    left = {"differing": result.differing, "withdrawn": result.withdrawn, "consent_ended": result.ended}
    return found | {name: people for name, people in left.items() if people}


_CORRECT = "correct it, and run the same command again"


def row_of(failure: Failure) -> dict[str, Any]:
    """Return a failure with what is wrong and what to do, in words."""
    row: dict[str, Any] = {"badge": failure.badge, "file": failure.file, "reasons": list(failure.reasons)}
    if failure.duplicate_of is not None:
        row["duplicate_of"] = failure.duplicate_of
    if failure.why:
        why = joined(failure.why, failure.hint)
        return row | {"why": why, "advice": why.partition("; ")[2] or _CORRECT}
    return row | {"why": advice(row), "advice": remedy(row)}


@dataclass(frozen=True, slots=True)
class Options:
    """What a person says of an import besides its source."""

    consent: dict[str, Any]
    workers: int | None = None
    source: SourceOptions = field(default_factory=SourceOptions)
    wanted: Wanted = field(default_factory=Wanted)


def run(source: Path, options: Options) -> Result:
    """Import everybody; an interruption or a daemon that goes away says how to go on."""
    roster = read_roster(source, options.source)
    if roster.table is not None:
        note_form(roster.table, source)
    _note(roster.skipped, "file was skipped", "files were skipped")
    result = Result()
    importer = PhotoImport(_ByApi(api(), options), options.wanted, result, _read)
    todo = importer.prepare(roster)
    with progress() as bar:
        _work(importer.enroll, todo, options.workers or _WORKERS, bar)
    result.sort()
    more = "no level and can't pass anywhere"
    _note(importer.without_level(roster.entries), f"person holds {more}", f"people hold {more}")
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


class _ByApi:
    """imports.photos.People by the API."""

    def __init__(self, api: Api, options: Options) -> None:
        self._api = api
        self._options = options

    def present(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.get("/people")
        return found

    def compare(self, rows: list[dict[str, Any]], *, is_plan: bool) -> dict[str, Any]:
        body = {"rows": rows, "update": True, "as_written": True, "plan": is_plan}
        answer: dict[str, Any] = self._api.post("/people/import", body, timeout=ANALYSIS_SECONDS)
        return answer

    def add(self, person: dict[str, Any]) -> None:
        self._post("/people", person)

    def enroll(self, badge: str, photos: list[bytes]) -> dict[str, Any]:
        body = {"photos": [encoded(photo) for photo in photos], "bulk": True, **self._options.consent}
        return self._post(path("people", badge, "face"), body)

    def _post(self, where: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._api.post(where, body, timeout=ANALYSIS_SECONDS)
        except ApiProblem as problem:
            if int(problem.document.get("status", 500)) >= 500:
                raise
            raise NotTaken(problem, problem.document.get("faces") or ()) from problem
        return answer


def _read(file: Photo) -> bytes:
    return file.read() if isinstance(file, ZipPhoto) else read_photo(file)


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

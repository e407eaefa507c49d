"""Import the people of a roster with their photos, one person at a time, all or nothing each; safe to repeat.

The command line does it by the API, a job of the daemon by the services below it; `People` is what both give.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from devicemgr.errors import DevicemgrError, Hint, InvalidInput
from devicemgr.people.face_enrollment import MAX_PHOTOS
from devicemgr.people.imports.roster.photo_paths import UNREADABLE
from devicemgr.people.imports.roster.reader import Entry, Fault, Photo, Roster
from devicemgr.text import safe

WITHDRAWN, ENDED = "consent-withdrawn", "consent-ended"


class NotTaken(DevicemgrError):
    """One person was refused; `slug` is that of the error, `faces` are the analyses of refused photos."""

    def __init__(self, error: DevicemgrError, faces: Iterable[dict[str, Any]] = ()) -> None:
        super().__init__(str(error), hint=error.hint)
        self.slug = error.slug
        self.faces = list(faces)


class People(Protocol):
    """What an import does at the site; NotTaken refuses one person, any other error ends the import."""

    def present(self) -> list[dict[str, Any]]:
        """Return everyone who is here, as the API lists people."""

    def compare(self, rows: list[dict[str, Any]], *, is_plan: bool) -> dict[str, Any]:
        """Give people who are here the values of rows, or only return what differs, as POST /people/import does."""

    def add(self, person: dict[str, Any]) -> None:
        """Add a person."""

    def enroll(self, badge: str, photos: list[bytes]) -> dict[str, Any]:
        """Enroll photos as part of an import, under its consent."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo, a line or a person at fault; `why` is empty where `reasons` say it all."""

    badge: str | None
    file: str
    reasons: tuple[str, ...]
    why: str = ""
    hint: Hint | None = None
    duplicate_of: str | None = None


@dataclass
class Result:
    """What became of everyone; numbers are of people, `failed` has a row for each photo or line at fault."""

    enrolled: int = 0
    skipped: int = 0
    created: int = 0
    failed: list[Failure] = field(default_factory=list)
    people_failed: int = 0
    unnamed: int = 0
    updated: int = 0
    differing: list[str] = field(default_factory=list)
    other_name: list[str] = field(default_factory=list)
    withdrawn: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def fail(self, rows: Iterable[Failure]) -> None:
        """Note one person, with what is wrong."""
        with self.lock:
            self.failed += rows
            self.people_failed += 1

    def leave(self, people: list[dict[str, Any]], badge: str, name: str, why: str) -> None:
        """Note one person who is skipped: their consent is withdrawn or has ended."""
        with self.lock:
            people.append({"badge": badge, "name": name, "why": why})
            self.skipped += 1

    def sort(self) -> None:
        """Put what several threads have noted in order."""
        self.failed.sort(key=lambda row: (row.badge or "", row.file))
        for people in (self.withdrawn, self.ended):
            people.sort(key=lambda row: str(row["badge"]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of an import besides its source.

    `levels` are granted to everyone in it, and `valid_to` ends the validity of those whose row has no end. `update`
    gives people who are here the names, levels and times of the source.
    """

    levels: tuple[str, ...] = ()
    valid_to: str | None = None
    update: bool = False


class PhotoImport:
    """Enrolls one person a call, from any thread; `read` returns a photo's bytes, or raises InvalidInput."""

    def __init__(self, people: People, wanted: Wanted, result: Result, read: Callable[[Photo], bytes]) -> None:
        self._people = people
        self._wanted = wanted
        self._result = result
        self._read_photo = read
        found = people.present()
        self._names: dict[str, str] = {person["badge"]: person["name"] for person in found}
        self._by_department = {person["badge"] for person in found if person["department_levels"]}
        self._levels: dict[str, set[str]] = {person["badge"]: set(person["levels"]) for person in found}

    def prepare(self, roster: Roster) -> list[Entry]:
        """Note what can't be taken, give people who are here what the source states; return who is to be enrolled."""
        for fault in roster.faults:
            self._result.fail([_failure_of(fault)])
        return self._update([entry for entry in roster.entries if self._accepts(entry)])

    def is_known(self, badge: str) -> bool:
        """Return True for people who were here before."""
        return badge in self._names

    def _accepts(self, entry: Entry) -> bool:
        """Return False, and note a failure, for what could only be refused."""
        if len(entry.files) <= MAX_PHOTOS:
            return True
        why = f"there are {len(entry.files)} photos; keep the best {MAX_PHOTOS}"
        self._result.fail([Failure(entry.badge, str(entry.files[0].parent), ("too_many_photos",), why)])
        return False

    def _update(self, entries: list[Entry]) -> list[Entry]:
        known = {place: entry for place, entry in enumerate(entries, 1) if entry.badge in self._names}
        if not known:
            return entries
        rows = [self._row(place, entry) for place, entry in known.items()]
        answer = self._people.compare(rows, is_plan=not self._wanted.update)
        for change in answer["changes"]:
            self._note_change(change)
        refused = {row["line"]: row["why"] for row in answer["refused"]}
        for place, why in refused.items():
            entry = known[place]
            self._result.fail([Failure(entry.badge, str(entry.files[0]), ("bad_row",), why)])
        return [entry for place, entry in enumerate(entries, 1) if place not in refused]

    def _note_change(self, change: dict[str, Any]) -> None:
        badge, fields = change["badge"], change["fields"]
        if self._wanted.update:
            self._result.updated += 1
            self._levels[badge] = set(fields.get("levels", [None, self._levels[badge]])[1])
        elif differing := sorted(set(fields) - {"name"}):
            self._result.differing.append(f"{badge} ({', '.join(differing)})")

    def _row(self, line: int, entry: Entry) -> dict[str, Any]:
        """Return what the source states of someone who is here: levels of the table, and those of the option."""
        valid_to = entry.valid_to or self._wanted.valid_to
        stated = {"name": entry.name, "valid_from": entry.valid_from, "valid_to": valid_to}
        row: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
        if entry.levels or self._wanted.levels:
            row["levels"] = sorted({*(entry.levels or self._levels[entry.badge]), *self._wanted.levels})
        return {"line": line, "badge": entry.badge, **row}

    def without_level(self, entries: Iterable[Entry]) -> list[str]:
        """Return the badges of those in the source who can't pass anywhere."""
        badges = [entry.badge for entry in entries if entry.badge not in self._by_department]
        return [badge for badge in badges if not self._levels.get(badge, {""})]

    def enroll(self, entry: Entry) -> None:
        """Create the person if need be, and enroll the photos; a refusal is noted, any other failure raised."""
        photos = self._read(entry)
        if photos is None:
            return
        try:
            self._ensure(entry)
            answer = self._people.enroll(entry.badge, photos)
        except NotTaken as error:
            skipped = {WITHDRAWN: self._result.withdrawn, ENDED: self._result.ended}
            if (people := skipped.get(error.slug)) is not None:
                self._result.leave(people, entry.badge, self._names.get(entry.badge, entry.badge), str(error))
            else:
                self._result.fail(_refused(entry, error))
            return
        with self._result.lock:
            if answer["faces"]:
                self._result.enrolled += 1
            else:
                self._result.skipped += 1

    def _read(self, entry: Entry) -> list[bytes] | None:
        photos, faults = [], []
        for file in entry.files:
            try:
                _require_readable(file)
                photos.append(self._read_photo(file))
            except InvalidInput as error:
                faults.append(Failure(entry.badge, str(file), ("unreadable_file",), str(error), error.hint))
        if faults:
            self._result.fail(faults)
            return None
        return photos

    def _ensure(self, entry: Entry) -> None:
        known = self._names.get(entry.badge)
        if known is None:
            levels, valid_to = self._new_levels(entry), entry.valid_to or self._wanted.valid_to
            times = {"valid_from": entry.valid_from, "valid_to": valid_to}
            self._people.add({"name": entry.name or entry.badge, "badge": entry.badge, "levels": levels} | times)
            self._levels[entry.badge] = set(levels)
            with self._result.lock:
                self._result.created += 1
                self._result.unnamed += entry.name is None
        elif entry.name is not None and entry.name != known and not self._wanted.update:
            with self._result.lock:
                self._result.other_name.append(f"{entry.badge} is {known} here, {entry.name} in the import")

    def _new_levels(self, entry: Entry) -> list[str]:
        return sorted({*entry.levels, *self._wanted.levels})


def _require_readable(file: Photo) -> None:
    suffix = (file if isinstance(file, Path) else file.name).suffix.lower()
    if suffix in UNREADABLE:
        raise InvalidInput(f"photos of the kind {safe(suffix, 10)} can't be read; save it as JPEG")


def _failure_of(fault: Fault) -> Failure:
    return Failure(fault.badge, fault.source, ("bad_row",), fault.why, fault.hint)


def _refused(entry: Entry, error: NotTaken) -> list[Failure]:
    if not error.faces:
        return [Failure(entry.badge, str(entry.files[0]), ("refused",), str(error), error.hint)]
    return [
        Failure(
            entry.badge,
            str(entry.files[face["photo"] - 1]),
            tuple(face["reasons"]),
            duplicate_of=face.get("duplicate_of"),
        )
        for face in error.faces
        if face["reasons"]
    ]

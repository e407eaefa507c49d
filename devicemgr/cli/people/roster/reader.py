"""Who is in a folder or ZIP of photos, or in a CSV table, with their photos, and what can't be used. Stores nothing."""

import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devicemgr.cli.hints import message_of
from devicemgr.cli.people.roster.archive import Archive, ZipPhoto
from devicemgr.cli.people.roster.photo_paths import SUFFIXES, UNREADABLE, Folder
from devicemgr.errors import InvalidInput
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.reader import Layout, Row, Table, parse_table, read_table
from devicemgr.text import badge as badge_text, person_name, safe

Photo = Path | ZipPhoto
_MOST_FILES = 100_000
_REQUIRED, _KNOWN = ("badge", "name", "photo"), (*FIELDS, "photo")
# BADGE_name_2.jpg and "BADGE_name (2).jpg" are the second photo of the same person.
_COPY = re.compile(r"(?:^|[ _-]+)\(?[0-9]{1,4}\)?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """A person to enroll; `name` is None where the source does not tell it."""

    badge: str
    name: str | None
    files: tuple[Photo, ...]
    levels: tuple[str, ...] = ()
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the source that can't be enrolled, and why in words."""

    badge: str | None
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Roster:
    """What a source holds; `skipped` are files that were skipped, with the reason."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()
    skipped: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a person says of a source: how its table is read, and the encoding of the names in an archive."""

    layout: Layout = field(default_factory=Layout)
    zip_encoding: str | None = None


def read_roster(source: Path, options: SourceOptions | None = None) -> Roster:
    """Return the people in a folder, an archive or a table.

    InvalidInput when there is none of them, or no one in it.
    """
    options = options or SourceOptions()
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            roster = _folder(source)
        elif stat.S_ISREG(mode):
            is_archive = source.suffix.lower() == ".zip"
            roster = _archive(source, options) if is_archive else _listed(source, options.layout)
        else:
            raise InvalidInput(f"{safe(str(source), 200)} is neither a folder nor a ZIP file or a table")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or "the path can't be used"
        raise InvalidInput(
            f"cannot read {safe(str(source), 200)} ({cause}); give a folder, a ZIP or a CSV, TSV or XLSX file"
        ) from error
    if not roster.entries and not roster.faults:
        raise InvalidInput(f"no one is in {safe(str(source), 200)}; name photos BADGE_name.jpg, or use BADGE/photo.jpg")
    return roster


def split_name(stem: str) -> tuple[str, str | None]:
    """Badge and name in `BADGE_some_name_2`: checked and normalized; InvalidInput when either can't be."""
    first, _, rest = unicodedata.normalize("NFC", stem).partition("_")
    name = _COPY.sub("", rest).replace("_", " ").strip()
    number = badge_text(first)
    if rest and not name and not any(character.isdigit() for character in number):
        raise InvalidInput(
            f"is '{safe(stem, 60)}' a badge, or badge and photo number? name it BADGE_name, or use a CSV"
        )
    return number, person_name(name) if name else None


def split_folder_name(name: str) -> tuple[str, str | None]:
    """As `split_name` where digits stand before the first '_'; else the whole is the badge, as in EMP_001."""
    if any(character.isdigit() for character in name.partition("_")[0]):
        return split_name(name)
    return badge_text(name), None


Placed = tuple[str, str | None, Photo]
"""The stem of a file's name, the name of the person's folder that it is in, and the file."""
_NO_PHOTO = "is no photo by its name"


@dataclass(slots=True)
class _Skipped:
    """What is skipped, in words; `others` are files that are no photos, which may be all that a person has."""

    notes: list[str] = field(default_factory=list)
    others: list[Placed] = field(default_factory=list)


def _folder(root: Path) -> Roster:
    skipped = _Skipped()
    return _named((_placed(file, root) for file in _photos(root, skipped)), skipped)


def _placed(file: Path, root: Path) -> Placed:
    return file.stem, None if file.parent == root else file.parent.name, file


def _named(photos: Iterable[Placed], skipped: _Skipped) -> Roster:
    """Photos by the name of their file, or of the person's folder that they are in."""
    found: list[tuple[str, str | None, Photo]] = []
    faults: list[Fault] = []
    for stem, folder, file in photos:
        try:
            found.append((*(split_name(stem) if folder is None else split_folder_name(folder)), file))
        except InvalidInput as error:
            faults.append(Fault(None, str(file), message_of(error)))
    entries, doubtful = _grouped(found)
    known = {number for number, _, _ in found}
    faults += doubtful + list(_without_photo(skipped.others, known))
    return Roster(tuple(entries), tuple(faults), tuple(skipped.notes))


def _without_photo(others: Iterable[Placed], known: set[str]) -> Iterator[Fault]:
    """Yield a fault for each person who has files, by their names, and none of them is a photo."""
    seen = set(known)
    for stem, folder, file in others:
        named = stem if folder is None else folder
        if not named[:1].isdigit():
            continue
        try:
            number, _ = split_name(stem) if folder is None else split_folder_name(folder)
        except InvalidInput:
            continue
        if number not in seen:
            seen.add(number)
            yield Fault(number, str(file), f"it {_NO_PHOTO}, and badge {number} has no other; save one as JPEG")


def _listed(source: Path, layout: Layout) -> Roster:
    return _table(read_table(source, layout, _REQUIRED, _KNOWN), Folder(source.parent).find)


def _archive(source: Path, options: SourceOptions) -> Roster:
    archive = Archive(source, options.zip_encoding)
    tables = archive.tables()
    if len(tables) == 1:
        (name,) = tables
        table = parse_table(archive.table(name), name.name, options.layout, _REQUIRED, _KNOWN)
        return _table(table, lambda named: archive.photo(name, named))
    skipped = _Skipped()
    return _named(_in_archive(archive.photos(), skipped), skipped)


def _in_archive(photos: Sequence[ZipPhoto], skipped: _Skipped) -> Iterator[Placed]:
    """As a folder: photos at the top, or in a person's folder; one folder around all of them is looked through."""
    tops = {photo.name.parts[0] for photo in photos if len(photo.name.parts) > 1}
    around = int(len(tops) == 1 and all(photo.name.parts[0] in tops for photo in photos) and not _has_digit(*tops))
    for photo in photos:
        parts = photo.name.parts[around:]
        why = None
        placed = (photo.name.stem, parts[0] if len(parts) == 2 else None, photo)
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            why = "is hidden"
        elif photo.name.suffix.lower() not in SUFFIXES | UNREADABLE:
            why = _NO_PHOTO
            skipped.others.append(placed)
        elif len(parts) > 2:
            why = "is in a folder in a person's folder"
        if why is None:
            yield placed
        else:
            skipped.notes.append(f"{safe(str(photo), 200)} {why}")


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _photos(root: Path, skipped: _Skipped) -> Iterator[Path]:
    """Each photo in the folder or in a person's folder in it; what is skipped goes to `skipped`."""
    inside = root.resolve()
    for count, file in enumerate(sorted(root.iterdir())):
        if count >= _MOST_FILES:
            raise InvalidInput(f"more than {_MOST_FILES} files are in {safe(str(root), 200)}; split it")
        if file.is_dir() and _usable_folder(file, inside, skipped):
            for photo in sorted(file.iterdir()):
                if _usable(photo, root, inside, skipped):
                    yield photo
        elif not file.is_dir() and _usable(file, root, inside, skipped):
            yield file


def _usable_folder(folder: Path, inside: Path, skipped: _Skipped) -> bool:
    return _kept(folder, _outside(folder, inside) or ("is hidden" if folder.name.startswith(".") else None), skipped)


def _usable(file: Path, root: Path, inside: Path, skipped: _Skipped) -> bool:
    why = None
    if file.name.startswith("."):
        why = "is hidden"
    elif file.is_dir():
        why = "is a folder in a person's folder"
    elif file.suffix.lower() not in SUFFIXES | UNREADABLE:
        why = _NO_PHOTO
        skipped.others.append(_placed(file, root))
    return _kept(file, why or _outside(file, inside), skipped)


def _outside(file: Path, inside: Path) -> str | None:
    # A link to somewhere else would enroll what no one put here.
    try:
        return None if file.resolve().is_relative_to(inside) else "links out of the folder"
    except RuntimeError:
        return "links to itself"


def _kept(file: Path, why: str | None, skipped: _Skipped) -> bool:
    if why:
        skipped.notes.append(f"{safe(str(file), 200)} {why}")
    return why is None


def _grouped(found: Iterable[tuple[str, str | None, Photo]]) -> tuple[list[Entry], list[Fault]]:
    files: dict[str, list[Photo]] = {}
    names: dict[str, list[str]] = {}
    for number, name, file in found:
        files.setdefault(number, []).append(file)
        if name is not None and name not in names.setdefault(number, []):
            names[number].append(name)
    entries, faults = [], []
    for number, photos in files.items():
        known = names.get(number, [])
        if len(known) > 1:
            faults.append(Fault(number, str(photos[0]), _two_names(known)))
        else:
            entries.append(Entry(number, known[0] if known else None, tuple(photos)))
    return entries, faults


def _two_names(names: list[str]) -> str:
    return f"one badge has two names: {', '.join(names[:3])}; correct one of them"


def _table(table: Table, locate: Callable[[str], Photo]) -> Roster:
    by_badge: dict[str, list[Row]] = {}
    entries: list[Entry] = []
    faults: list[Fault] = []
    for row in table.rows:
        why = row.fault or (None if row.several("photo") else "it names no photo")
        if why:
            faults.append(Fault(row.badge or None, f"line {row.line}", why))
        else:
            by_badge.setdefault(row.badge, []).append(row)
    for number, same in by_badge.items():
        first, *rest = same
        names = list(dict.fromkeys(row.fields["name"] for row in same if row.fields["name"]))
        doubt = _two_names(names) if len(names) > 1 else None
        for row in same if doubt else rest:
            why = doubt or f"the badge is in line {first.line} already; put all photos into one row, with ';' between"
            faults.append(Fault(number, f"line {row.line}", why))
        if not doubt:
            _add_row(first, locate, entries, faults)
    return Roster(tuple(entries), tuple(faults), table=table)


def _add_row(row: Row, locate: Callable[[str], Photo], entries: list[Entry], faults: list[Fault]) -> None:
    try:
        name = person_name(row.fields["name"]) if row.fields["name"] else None
        files = tuple(locate(photo) for photo in row.several("photo"))
        times = (row.fields.get("valid_from") or None, row.fields.get("valid_to") or None)
        entries.append(Entry(badge_text(row.badge), name, files, row.several("levels"), *times))
    except InvalidInput as error:
        faults.append(Fault(row.badge, f"line {row.line}", message_of(error)))

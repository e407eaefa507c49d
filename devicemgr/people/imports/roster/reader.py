"""Who is in a folder or ZIP of photos, or in a CSV table, with their photos, and what can't be used. Stores nothing."""

import contextlib
import itertools
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devicemgr.errors import Hint, InvalidInput
from devicemgr.people.imports.roster.archive import Archive, ZipPhoto
from devicemgr.people.imports.roster.photo_paths import SUFFIXES, UNREADABLE, Folder
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.reader import Layout, Row, Table, parse_table, read_table
from devicemgr.text import badge as badge_text, person_name, safe

Photo = Path | ZipPhoto
_MOST_FILES = 100_000
_REQUIRED, _KNOWN = ("badge", "name", "photo"), (*FIELDS, "photo")
# BADGE_name_2.jpg and "BADGE_name (2).jpg" are the second photo of the same person.
# "1042 Omar Haddad" and "1042 (2)", but not "10 42", in which a space may belong to the badge.
_SPACED = re.compile(r"([^\s_]*[0-9][^\s_]*) +((?=[^\W\d_]|\([0-9]{1,4}\)$).*)", re.DOTALL)
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
    hint: Hint | None = None


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
    return _with_someone(roster, source)


Parse = Callable[[bytes, str, Layout, Sequence[str], Sequence[str]], Table]
"""Reads a table of an archive, as `parse_table` does."""


def read_archive(name: str, data: bytes, options: SourceOptions, parse: Parse) -> Roster:
    """Return the people in an archive that is in memory."""
    source = Path(safe(name, 200))
    return _with_someone(_archive(source, options, data, parse), source)


def _with_someone(roster: Roster, source: Path) -> Roster:
    if not roster.entries and not roster.faults:
        raise InvalidInput(f"no one is in {safe(str(source), 200)}; name photos BADGE_name.jpg, or use BADGE/photo.jpg")
    return roster


def split_name(stem: str) -> tuple[str, str | None]:
    """Badge and name in `BADGE_some_name_2` or `BADGE some name`, normalized; InvalidInput when either can't be."""
    text = unicodedata.normalize("NFC", stem).strip()
    spaced = _SPACED.match(text)
    first, rest = spaced.groups() if spaced else text.partition("_")[::2]
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
_NO_PHOTO, _NESTED = "is no photo by its name", "is in a folder in a person's folder"
_IN_PLACE = "move it into the person's own folder"
# What file managers leave in folders.
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class _Other:
    """What is skipped, and may be all that a person has; `names` are those of its folders and its stem."""

    names: tuple[str, ...]
    source: Photo | str
    why: str
    advice: str
    is_photo: bool = True


@dataclass(slots=True)
class _Skipped:
    """What is skipped, in words, and as what it leaves people without a photo."""

    notes: list[str] = field(default_factory=list)
    others: list[_Other] = field(default_factory=list)
    folders: list[tuple[str, str]] = field(default_factory=list)  # of people, by their names: name and path

    def add_file(self, names: tuple[str, ...], file: Photo) -> None:
        """Add a file that is no photo."""
        self.others.append(_Other(names, file, _NO_PHOTO, "save one as JPEG", is_photo=False))


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
            if folder is not None:
                _require_person(folder, stem)
            found.append((*(split_name(stem) if folder is None else split_folder_name(folder)), file))
        except InvalidInput as error:
            faults.append(Fault(_likely_badge(stem), str(file), str(error), error.hint))
    entries, doubtful = _grouped(found)
    known = {number for number, _, _ in found} | {fault.badge for fault in faults if fault.badge}
    faults += doubtful + list(_without_photo(skipped, known))
    return Roster(tuple(entries), tuple(faults), tuple(skipped.notes))


def _require_person(folder: str, stem: str) -> None:
    """Raise InvalidInput for photos of people, by their names, in a folder that has no number: a department's."""
    number, name = split_name(stem) if not _has_digit(folder) and stem[:1].isdigit() else ("", None)
    if name is not None:
        raise InvalidInput(
            f"'{safe(stem, 60)}' looks like badge {number}, but its folder '{safe(folder, 60)}' like a group; "
            "import the folder of a group by itself, or use a table"
        )


def _likely_badge(stem: str) -> str | None:
    """Return what stands where a badge is expected, for the list of failures, if there is a digit in it."""
    first = safe(stem.partition("_")[0].strip(), 60)
    return first if _has_digit(first) else None


def _without_photo(skipped: _Skipped, known: set[str]) -> Iterator[Fault]:
    """Yield a fault for each person who has something here by its name, and no photo in its place."""
    seen = set(known)
    empty = [
        _Other((name,), path, "holds no photo", "put one into it", is_photo=False) for name, path in skipped.folders
    ]
    for other in [*skipped.others, *empty]:
        number = _number_in(other.names)
        if number is None and other.is_photo:
            yield Fault(None, str(other.source), f"it {other.why}; {other.advice}")
        elif number is not None and number not in seen:
            seen.add(number)
            yield Fault(number, str(other.source), f"it {other.why}, and badge {number} has no other; {other.advice}")


def _number_in(names: Iterable[str]) -> str | None:
    """Return the badge of the first name that is BADGE_name, else of the first that begins with a digit."""
    found: list[tuple[str, str | None]] = []
    for name in names:
        if name[:1].isdigit():
            with contextlib.suppress(InvalidInput):
                found.append(split_folder_name(name))
    return next((number for number, name in found if name), found[0][0] if found else None)


def _listed(source: Path, layout: Layout) -> Roster:
    return _table(read_table(source, layout, _REQUIRED, _KNOWN), Folder(source.parent).find)


def _archive(source: Path, options: SourceOptions, data: bytes | None = None, parse: Parse = parse_table) -> Roster:
    archive = Archive(source, options.zip_encoding, data)
    tables = archive.tables()
    if len(tables) == 1:
        (name,) = tables
        table = parse(archive.table(name), name.name, options.layout, _REQUIRED, _KNOWN)
        return _table(table, lambda named: archive.photo(name, named))
    skipped = _Skipped()
    return _named(_in_archive(archive, skipped), skipped)


def _in_archive(archive: Archive, skipped: _Skipped) -> Iterator[Placed]:
    """As a folder: photos at the top, or in a person's folder; one folder around all of them is looked through."""
    photos = archive.photos()
    shown = [photo.name.parts for photo in photos if not _is_hidden(photo.name.parts)]
    tops = {parts[0] for parts in shown if len(parts) > 1}
    around = int(len(tops) == 1 and all(len(parts) > 1 for parts in shown) and not _has_digit(*tops))
    people = {name.parts[around] for name in archive.folders() if len(name.parts) > around}
    skipped.folders += [(name, name) for name in sorted(people) if not _is_hidden((name,))]
    for photo in photos:
        parts = photo.name.parts[around:]
        why = None
        if _is_hidden(parts):
            why = "is hidden"
        elif photo.name.suffix.lower() not in SUFFIXES | UNREADABLE:
            why = _NO_PHOTO
            skipped.add_file((*parts[:-1], photo.name.stem), photo)
        elif len(parts) > 2:
            why = _NESTED
            skipped.others.append(_Other((*parts[:-1], photo.name.stem), photo, why, _IN_PLACE))
        if why is None:
            yield photo.name.stem, parts[0] if len(parts) == 2 else None, photo
        else:
            skipped.notes.append(f"{safe(str(photo), 200)} {why}")


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith((".", "__MACOSX")) or part.lower() in _SYSTEM_FILES for part in parts)


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _photos(root: Path, skipped: _Skipped) -> Iterator[Path]:
    """Each photo in the folder or in a person's folder in it; what is skipped goes to `skipped`."""
    inside = root.resolve()
    for count, file in enumerate(sorted(root.iterdir())):
        if count >= _MOST_FILES:
            raise InvalidInput(f"more than {_MOST_FILES} files are in {safe(str(root), 200)}; split it")
        if file.is_dir() and _usable_folder(file, inside, skipped):
            skipped.folders.append((file.name, str(file)))
            for photo in sorted(file.iterdir()):
                if _usable(photo, root, inside, skipped):
                    yield photo
        elif not file.is_dir() and _usable(file, root, inside, skipped):
            yield file


def _usable_folder(folder: Path, inside: Path, skipped: _Skipped) -> bool:
    why = "is hidden" if folder.name.startswith(".") else _outside(folder, inside)
    if why and why != "is hidden":
        skipped.others.append(_Other((folder.name,), folder, why, _COPY_IT))
    return _kept(folder, why, skipped)


def _usable(file: Path, root: Path, inside: Path, skipped: _Skipped) -> bool:
    names = (*file.parent.relative_to(root).parts, file.stem)
    why = None
    if _is_hidden((file.name,)):
        why = "is hidden"
    elif outside := _outside(file, inside):
        why = outside
        skipped.others.append(_Other(names, file, why, _COPY_IT))
    elif file.is_dir():
        why = _NESTED
        skipped.others += _nested(file, root)
    elif file.suffix.lower() not in SUFFIXES | UNREADABLE:
        why = _NO_PHOTO
        skipped.add_file(names, file)
    return _kept(file, why, skipped)


_COPY_IT = "copy it into the folder"


def _nested(folder: Path, root: Path) -> Iterator[_Other]:
    """Yield the photos in a folder in a person's folder; links are not followed."""
    for path in itertools.islice(sorted(folder.rglob("*")), _MOST_FILES):
        names = (*path.parent.relative_to(root).parts, path.stem)
        if path.suffix.lower() in SUFFIXES | UNREADABLE and not _is_hidden(path.relative_to(root).parts):
            yield _Other(names, path, _NESTED, _IN_PLACE)


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
        faults.append(Fault(row.badge, f"line {row.line}", str(error), error.hint))

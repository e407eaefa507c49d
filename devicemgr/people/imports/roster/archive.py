"""A ZIP archive of photos: looked through as a whole before anything of it is read, and never unpacked to a disk.

No face lies in a temporary file, and no name in the archive becomes a path here. One entry that has no business in
it (a link, a way out, a bomb) refuses all of it.
"""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from devicemgr.errors import InvalidInput
from devicemgr.people.imports.roster.archive_names import names_of
from devicemgr.people.imports.roster.photo_paths import MAX_PHOTO_BYTES, TABLES, NameIndex, local_path
from devicemgr.text import safe

MOST_ENTRIES = 20_000
MOST_BYTES = 8 * 1024**3
MOST_TABLE_BYTES = 20 * 1024**2
MOST_LIST_BYTES = 10 * 1024**2
_END_BYTES, _MOST_END_BYTES = 22, 22 + 65_535
# Photographs hardly shrink; what shrinks to less than a hundredth was made to fill memory.
MOST_RATIO = 100
_SMALL = 1024**2
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_LONGEST_NAME = 400


@dataclass(frozen=True, slots=True)
class ZipPhoto:
    """A photo in an archive; shown as ARCHIVE/NAME."""

    archive: Path
    name: PurePosixPath
    _opened: zipfile.ZipFile = field(repr=False, compare=False)
    _entry: zipfile.ZipInfo = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    @property
    def parent(self) -> str:
        """Where it lies, for a message."""
        return str(self.archive / self.name.parent)

    def read(self) -> bytes:
        """Its bytes; InvalidInput when they are not there, or not those that the archive's list promised."""
        return _read(self._opened, self._entry, MAX_PHOTO_BYTES, str(self))


class Archive:
    """An archive that was looked through; `photos` and `tables` are what it holds, in the order of their names."""

    def __init__(self, source: Path, encoding: str | None = None, data: bytes | None = None) -> None:
        """Look through an archive; `data` is its content where it is in memory, and `source` its name."""
        self._source = source
        try:
            # Kept open until the import ends: opened again for each photo, its list would be read as often.
            with source.open("rb") if data is None else io.BytesIO(data) as file:
                _require_short_list(file)
            self._opened = zipfile.ZipFile(source if data is None else io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InvalidInput(f"{safe(str(source), 200)} is not a complete ZIP archive; pack it again") from error
        self._entries = dict(_checked(self._opened.infolist(), encoding))
        self._folders = [name for name, entry in self._entries.items() if entry.is_dir()]
        self._files = [name for name, entry in self._entries.items() if not entry.is_dir()]
        self._names = NameIndex(self._files)

    def photos(self) -> list[ZipPhoto]:
        """Every file, photo by its name or not."""
        return [self._photo(name) for name in sorted(self._files)]

    def _photo(self, name: PurePosixPath) -> ZipPhoto:
        return ZipPhoto(self._source, name, self._opened, self._entries[name])

    def folders(self) -> list[PurePosixPath]:
        """Return the folders, as far as the archive lists them or has files in them."""
        return [*self._folders, *(parent for name in self._files for parent in name.parents if parent.name)]

    def tables(self) -> list[PurePosixPath]:
        """Return the tables at the top."""
        return [name for name in self._files if len(name.parts) == 1 and name.suffix.lower() in TABLES]

    def table(self, name: PurePosixPath) -> bytes:
        """Return a table's bytes."""
        return _read(self._opened, self._entries[name], MOST_TABLE_BYTES, str(self._source / name))

    def photo(self, table: PurePosixPath, named: str) -> ZipPhoto:
        """Return the photo that a table names, relative to itself; InvalidInput when the archive has none."""
        found = self._names.find(table.parent / PurePosixPath(local_path(named)))
        if found is None:
            raise InvalidInput(f"there is no {safe(named, 100)} in the archive")
        return self._photo(found)


def _require_short_list(file: IO[bytes]) -> None:
    """Raise InvalidInput for a list of entries that would take minutes to read, and as much memory.

    The end record has the length of the list (APPNOTE 4.3.16); without one there is no archive.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MOST_END_BYTES))
    end = file.read(_MOST_END_BYTES)
    at = end.rfind(b"PK\5\6")
    if at >= 0 and len(end) - at >= _END_BYTES:
        (length,) = struct.unpack_from("<I", end, at + 12)
        if min(length, size) > MOST_LIST_BYTES:
            raise InvalidInput(f"the archive's list of entries has more than {MOST_LIST_BYTES // 1024**2} MB; split it")


def _checked(entries: list[zipfile.ZipInfo], encoding: str | None) -> Iterator[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Yield the name of each file and folder; InvalidInput for the first entry that must not be there."""
    if len(entries) > MOST_ENTRIES:
        raise InvalidInput(f"the archive has more than {MOST_ENTRIES} entries; split it")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise InvalidInput(f"the archive would unpack to more than {MOST_BYTES // 1024**3} GB; split it")
    seen: set[str] = set()
    ends = 0
    names = dict(zip(map(id, entries), names_of(entries, encoding), strict=True))
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name = names[id(entry)]
        why = _objection(entry, name)
        if name.casefold() in seen:
            why = "is in it twice"
        elif entry.header_offset < ends:
            why = "overlaps another one, as only a bomb does"
        if why is not None:
            raise InvalidInput(f"'{safe(name, 100)}' {why}; nothing of the archive was imported")
        seen.add(name.casefold())
        ends = entry.header_offset + entry.compress_size
        yield PurePosixPath(name), entry


def _objection(entry: zipfile.ZipInfo, name: str) -> str | None:
    """Why an entry must not be there, in words that follow its name."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = PurePosixPath(name).parts
    bound = max(MAX_PHOTO_BYTES, MOST_TABLE_BYTES)
    objections = (
        (name.startswith("/") or ".." in parts or ":" in name, "leads out of the archive"),
        (not _is_plain(name), "is no plain name"),
        (kind not in (0, stat.S_IFREG, stat.S_IFDIR), "is a link or a device"),
        (bool(entry.flag_bits & _ENCRYPTED), "has a password"),
        (entry.compress_type not in _METHODS, "is packed in an unusual way"),
        (entry.file_size > bound, f"has more than {bound // 1024**2} MB"),
        (entry.file_size > max(_SMALL, MOST_RATIO * entry.compress_size), "was made to fill memory"),
    )
    return next((why for objects, why in objections if objects), None)


def _is_plain(name: str) -> bool:
    shown = safe(name, _LONGEST_NAME)
    return bool(name.strip("/")) and shown == name and str(PurePosixPath(name)) == name.rstrip("/")


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, shown: str) -> bytes:
    try:
        with opened.open(entry) as file:
            return _bounded(file, min(most, entry.file_size), shown)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise InvalidInput(f"{safe(shown, 200)} can't be unpacked; pack the archive again") from error
    except Exception as error:  # zlib.error
        raise InvalidInput(f"{safe(shown, 200)} is damaged; pack the archive again") from error


def _bounded(file: IO[bytes], most: int, shown: str) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise InvalidInput(f"{safe(shown, 200)} is larger than the archive says; pack it again")
    return data

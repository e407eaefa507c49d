"""Find the photo that a table names: with the separators of Windows, composed or not, whatever its case."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath, PureWindowsPath
from typing import Generic, TypeVar

from devicemgr.errors import InvalidInput
from devicemgr.text import safe

PathT = TypeVar("PathT", bound=PurePath)
MAX_PHOTO_BYTES = 20 * 1024 * 1024
SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".bmp", ".heic", ".heif", ".hif", ".avif"})
UNREADABLE = frozenset({".tif", ".tiff", ".gif", ".jxl", ".dng", ".cr2", ".nef", ".arw"})
"""Photos that can't be read here: their people are on the list of failures, not left out."""
TABLES = frozenset({".csv", ".tsv", ".xlsx"})


class NameIndex(Generic[PathT]):
    """Paths, found by how they look: NFC first, then without regard to case if that leaves one."""

    def __init__(self, paths: Iterable[PathT]) -> None:
        self._by_name: dict[str, PathT] = {}
        self._by_case: dict[str, list[PathT]] = {}
        for path in paths:
            name = unicodedata.normalize("NFC", str(path))
            self._by_name.setdefault(name, path)
            self._by_case.setdefault(name.casefold(), []).append(path)

    def find(self, wanted: PurePath) -> PathT | None:
        """Return the one path that looks like `wanted`."""
        name = unicodedata.normalize("NFC", str(wanted))
        alike = self._by_case.get(name.casefold(), [])
        return self._by_name.get(name) or (alike[0] if len(alike) == 1 else None)


def local_path(named: str) -> str:
    """Return a path of a table for this host; InvalidInput for one that begins at a drive or share of Windows."""
    if "\\" not in named and ":" not in named[:2]:
        return named
    path = PureWindowsPath(named)
    if path.drive or path.root:
        raise InvalidInput(f"{safe(named, 100)} is a path of another computer; give it relative to the table")
    return path.as_posix()


class Folder:
    """Photos beside a table on a disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[Path, NameIndex[Path]] = {}

    def find(self, named: str) -> Path:
        """Return the path of a photo; the one that was named if there is none that looks like it."""
        wanted = self._root / named
        if wanted.exists():
            return wanted
        wanted = self._root / local_path(named)
        if not wanted.is_relative_to(self._root):
            return wanted
        found = self._root
        for part in wanted.relative_to(self._root).parts:
            step = self._in(found).find(found / part)
            if part == ".." or step is None:
                return wanted
            found = step
        return found

    def _in(self, folder: Path) -> NameIndex[Path]:
        if folder not in self._listed:
            try:
                self._listed[folder] = NameIndex(folder.iterdir())
            except OSError:
                self._listed[folder] = NameIndex(())
        return self._listed[folder]

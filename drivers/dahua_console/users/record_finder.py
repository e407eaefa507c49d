"""Lists on a Dahua terminal: startFind gives a token, doFind a page, stopFind ends it; with conditions, or without.

startFind tells how many there are: 0 for one who has nothing there (vendor). Where the whole list is shorter than a
search for each person, it is read once.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.errors import DeviceGarbled
from drivers.dahua_console.cgi import Cgi, Row, number
from drivers.dahua_console.refusals import CgiRefused

MAX_HELD = 300_000
_MAX_PAGE = 100
# What one person's search costs: startFind, doFind, stopFind.
_SEARCH_REQUESTS = 3


@dataclass
class Find:
    """A startFind that is open; `page` rows come at a time."""

    cgi: str
    token: str
    page: int
    total: int | None = None
    offset: int = 0

    @property
    def pages(self) -> int | None:
        """How many pages there are; None where the terminal does not say."""
        return None if self.total is None else -(-self.total // self.page)

    def has_more(self, last: Sequence[Row]) -> bool:
        """Return whether there is a page after `last`."""
        if not last or self.offset >= MAX_HELD or self.offset == self.total:
            return False
        return len(last) >= self.page or (self.total is not None and self.offset < self.total)


class Finder:
    """Reads the lists of one terminal."""

    def __init__(self, cgi: Cgi) -> None:
        self._cgi = cgi
        self._has_conditions = True

    def exists(self, cgi: str) -> bool:
        """Return whether this firmware has such a list."""
        return attempt(self._open_and_close, cgi)

    def start(self, cgi: str, key: str | None = None) -> Find:
        """Begin to list everything, or what is one person's."""
        listed = _fold(self._cgi.document(cgi, "startFind", [("Condition.UserID", key)] if key is not None else []))
        if "token" not in listed:
            raise DeviceGarbled("the terminal begins a list without a token; update its firmware")
        total = number(listed["total"], -1) if "total" in listed else -1
        page = min(max(number(listed.get("caps", 10), 10), 1), _MAX_PAGE)
        return Find(cgi, str(listed["token"])[:64], page, total if total >= 0 else None)

    def next(self, find: Find) -> list[Row]:
        """Return the next page, [] after the last."""
        pairs = [("Token", find.token), ("Offset", str(find.offset)), ("Count", str(find.page))]
        info = _fold(self._cgi.document(find.cgi, "doFind", pairs)).get("info")
        if not isinstance(info, list) and find.offset == 0 and find.total != 0:
            raise DeviceGarbled("the terminal answers a search without saying what it found; it is tried again later")
        found = info if isinstance(info, list) else []
        find.offset += len(found)
        return [row for row in found if isinstance(row, dict) and "UserID" in row]

    def stop(self, find: Find) -> None:
        """End a list; what the terminal thinks of that does not matter."""
        with contextlib.suppress(CgiRefused):
            self._cgi.text(find.cgi, "stopFind", [("Token", find.token)])

    def rows_of(self, cgi: str, keys: Sequence[str]) -> dict[str, list[Row]]:
        """Return the rows of some people by UserID; CgiRefused where this firmware has no such list."""
        if not keys:
            return {}
        if len(keys) > 1 and (rows := self._whole_if_short(cgi, len(keys))) is not None:
            return _by_key(rows, keys)
        if self._has_conditions:
            found = {}
            for key in keys:
                rows = self._all(cgi, key)
                if any(str(row["UserID"]) != key for row in rows):
                    self._has_conditions = False  # it accepts conditions, and ignores them
                    break
                if rows:
                    found[key] = rows
            else:
                return found
        return _by_key(self._all(cgi, None), keys)

    def has_any(self, cgis: Sequence[str], key: str) -> bool | None:
        """Return whether a person has a row in the first of these lists that can be queried; None for none.

        Some firmware answers 400 and 501 to AccessFace and tells of faces by FaceInfoManager (field report).
        """
        for cgi in cgis:
            try:
                return bool(self.rows_of(cgi, [key]))
            except (CgiRefused, DeviceGarbled):
                continue
        return None

    def _whole_if_short(self, cgi: str, people: int) -> list[Row] | None:
        """Return the whole list where that takes fewer requests than a search for each; None elsewhere."""
        find = self.start(cgi)
        if find.pages is None or find.pages + 2 >= _SEARCH_REQUESTS * people:
            self.stop(find)
            return None
        rows = self._rest(find)
        return rows if find.total is not None and len(rows) >= find.total else None

    def _all(self, cgi: str, key: str | None) -> list[Row]:
        find = self.start(cgi, key)
        rows = self._rest(find, key)
        if find.total and not rows:
            raise DeviceGarbled("the terminal counts what it does not show; it is tried again later")
        return rows

    def _rest(self, find: Find, key: str | None = None) -> list[Row]:
        rows: list[Row] = []
        page: list[Row] = []
        while find.total != 0:
            page = self.next(find)
            rows += page
            is_foreign = key is not None and any(str(row["UserID"]) != key for row in page)
            if is_foreign or not find.has_more(page):
                break
        self.stop(find)
        return rows

    def _open_and_close(self, cgi: str) -> None:
        self.stop(self.start(cgi))


def _by_key(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, list[Row]]:
    wanted, found = set(keys), dict[str, list[Row]]()
    for row in rows:
        if (key := str(row["UserID"])) in wanted:
            found.setdefault(key, []).append(row)
    return found


def _fold(document: Row) -> Row:
    """Return the document with keys in small letters: Token and Info here are token and info there (field report)."""
    return {key.lower(): value for key, value in document.items()}


def attempt(do: Callable[..., Any], *arguments: Any) -> bool:
    """Return whether the terminal took it; False for its refusal."""
    try:
        do(*arguments)
    except CgiRefused:
        return False
    return True

"""Lists on a Dahua terminal: startFind gives a token, doFind a page, stopFind ends it; with conditions, or without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.errors import DeviceGarbled
from drivers.dahua_console.cgi import Cgi, CgiRefused, Row, number

MOST_HELD = 300_000
_MOST_PAGE = 100


@dataclass
class Find:
    """A startFind that is open; `page` rows come at a time."""

    cgi: str
    token: str
    page: int
    total: int | None = None
    offset: int = 0


class Finder:
    """Reads the lists of one terminal."""

    def __init__(self, cgi: Cgi) -> None:
        self._cgi = cgi
        self._conditions = True

    def exists(self, cgi: str) -> bool:
        """Whether this firmware has such a list."""
        return attempt(self._open_and_close, cgi)

    def start(self, cgi: str, key: str | None = None) -> Find:
        """Begin to list everything, or what is one person's."""
        listed = self._cgi.document(cgi, "startFind", [("Condition.UserID", key)] if key is not None else [])
        if "Token" not in listed:
            raise DeviceGarbled("the terminal begins a list without a token; update its firmware")
        total = number(listed["Total"], -1) if "Total" in listed else None
        return Find(cgi, str(listed["Token"])[:64], min(max(number(listed.get("Caps", 10), 10), 1), _MOST_PAGE), total)

    def next(self, find: Find) -> list[Row]:
        """The next page, [] after the last."""
        pairs = [("Token", find.token), ("Offset", str(find.offset)), ("Count", str(find.page))]
        info = self._cgi.document(find.cgi, "doFind", pairs).get("Info")
        if not isinstance(info, list) and find.offset == 0 and find.total != 0:
            raise DeviceGarbled("the terminal answers a search without saying what it found; it is tried again later")
        rows = [row for row in info if isinstance(row, dict) and "UserID" in row] if isinstance(info, list) else []
        find.offset += len(rows)
        return rows

    def stop(self, find: Find) -> None:
        """End a list; what the terminal thinks of that does not matter."""
        attempt(self._cgi.order, find.cgi, "stopFind", [("Token", find.token)])

    def rows_of(self, cgi: str, keys: Sequence[str]) -> dict[str, list[Row]]:
        """The rows of some people by UserID; CgiRefused where this firmware has no such list."""
        if self._conditions:
            found = {}
            for key in keys:
                rows = self._all(cgi, key)
                if any(str(row["UserID"]) != key for row in rows):
                    self._conditions = False  # it accepts conditions, and ignores them
                    break
                if rows:
                    found[key] = rows
            else:
                return found
        by_key: dict[str, list[Row]] = {}
        for row in self._all(cgi, None) if keys else []:
            if str(row["UserID"]) in keys:
                by_key.setdefault(str(row["UserID"]), []).append(row)
        return by_key

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

    def _all(self, cgi: str, key: str | None) -> list[Row]:
        find = self.start(cgi, key)
        rows: list[Row] = []
        while page := self.next(find):
            rows += page
            foreign = key is not None and any(str(row["UserID"]) != key for row in page)
            if len(page) < find.page or foreign or len(rows) > MOST_HELD:
                break
        self.stop(find)
        if find.total and not rows:
            raise DeviceGarbled("the terminal counts what it does not show; it is tried again later")
        return rows

    def _open_and_close(self, cgi: str) -> None:
        self.stop(self.start(cgi))


def attempt(do: Callable[..., Any], *arguments: Any) -> bool:
    """Whether the terminal took it; False for its 400."""
    try:
        do(*arguments)
    except CgiRefused:
        return False
    return True

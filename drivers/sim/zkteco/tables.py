"""The tables of a simulated ZKTeco terminal, and the commands on them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Row = dict[str, str]

DONE, NO_TABLE, NO_COMMAND, FULL = 0, -629, -13, -18
DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass
class Tables:
    """People, rights, photos and records; every row by lower-case field names."""

    capacity: int = 100
    has_several_cards: bool = False
    photo_error: int = DONE
    unread: set[str] = field(default_factory=set)  # tables that this firmware does not read out
    ignored: set[str] = field(default_factory=set)  # fields of `user` that it says OK to and does not keep
    user: list[Row] = field(default_factory=list)
    userauthorize: list[Row] = field(default_factory=list)
    mulcarduser: list[Row] = field(default_factory=list)
    biophoto: list[Row] = field(default_factory=list)
    biodata: list[Row] = field(default_factory=list)
    templatev10: list[Row] = field(default_factory=list)
    transaction: list[Row] = field(default_factory=list)
    timezone: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timezone.append({"timezoneid": "1"} | {f"{day.lower()}time1": "2359" for day in DAYS})

    def update(self, name: str, text: str) -> int:
        """Add or change rows; a result code."""
        rows = self._table(name)
        if rows is None:
            return NO_TABLE
        for line in text.split("\n"):
            row = fields_of(line)
            if name == "biophoto" and self.photo_error:
                return self.photo_error
            row = {key: value for key, value in row.items() if name != "user" or key not in self.ignored}
            keys = {"userauthorize": ("pin", "authorizetimezoneid"), "mulcarduser": ("cardno",)}.get(name, ("pin",))
            same = [held for held in rows if all(held.get(key) == row.get(key) for key in keys)]
            if same:
                same[0].update(row)
            elif name == "user" and len(rows) >= self.capacity:
                return FULL
            else:
                rows.append(row)
            if name == "biophoto":
                self.biodata.append({"pin": row.get("pin", ""), "type": row.get("type", "")})
        return DONE

    def delete(self, name: str, condition: str) -> int:
        """Remove the rows of a condition."""
        rows = self._table(name)
        if rows is None:
            return NO_TABLE
        matches = matcher(condition)
        rows[:] = [row for row in rows if not matches(row)]
        return DONE

    def query(self, name: str, condition: str) -> list[Row] | None:
        """Return the rows of a condition; None for a table that is not read out."""
        rows = self._table(name)
        if rows is None or name in self.unread:
            return None
        if condition == "NewRecord":
            return []
        matches = matcher(condition)
        return [row for row in rows if matches(row)]

    def may_pass(self, pin: str, door: int) -> bool:
        """Return True if a person's rights open a door."""
        masks = [int(row.get("authorizedoorid", "0")) for row in self.userauthorize if row.get("pin") == pin]
        return any(mask >> (door - 1) & 1 for mask in masks) and any(row.get("pin") == pin for row in self.user)

    def _table(self, name: str) -> list[Row] | None:
        if name == "mulcarduser" and not self.has_several_cards:
            return None
        found = getattr(self, name, None)
        return found if isinstance(found, list) else None


def fields_of(text: str) -> Row:
    """Parse the fields of one record, separated by tabs."""
    found = {}
    for part in text.split("\t"):
        name, _, value = part.partition("=")
        found[name.strip().lower()] = value
    return found


def matcher(condition: str) -> Callable[[Row], bool]:
    """Return a test of rows by a condition; a field that the row lacks fits none."""
    if condition in ("*", ""):
        return lambda _: True
    wanted = fields_of(condition)
    return lambda row: all(row.get(name) == value for name, value in wanted.items())


def packed(moment: datetime) -> int:
    """Encode a wall time as the terminal counts seconds."""
    days = ((moment.year - 2000) * 12 + moment.month - 1) * 31 + moment.day - 1
    return days * 86400 + moment.hour * 3600 + moment.minute * 60 + moment.second


def unpacked(seconds: int) -> datetime:
    """Decode a count of seconds to a wall time."""
    days, rest = divmod(seconds, 86400)
    months, day = divmod(days, 31)
    return datetime(2000 + months // 12, months % 12 + 1, day + 1, rest // 3600, rest // 60 % 60, rest % 60)

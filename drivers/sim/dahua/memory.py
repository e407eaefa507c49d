"""Memory of a simulated terminal: people, cards and faces, and the records of who stood before it."""

import base64
import binascii
import io
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

Row = dict[str, Any]

MAX_PHOTO_BYTES = 100 * 1024
SMALLEST, LARGEST = (150, 300), (600, 1200)
BATCH = 10


class BadRequest(Exception):
    """A refusal with HTTP 400; the words are for the event log only."""


@dataclass
class People:
    """Users by UserID, cards by number, faces (JPEG) by UserID; a batch that can't be carried out changes nothing."""

    capacity: int
    cards_capacity: int = 100_000
    only_ascii: bool = False
    longest_name: int = 31
    users: dict[str, Row] = field(default_factory=dict)
    cards: dict[str, Row] = field(default_factory=dict)
    faces: dict[str, bytes] = field(default_factory=dict)

    def insert_users(self, rows: Sequence[Row]) -> None:
        """Add new people; one who exists already fails the batch."""
        self._batch(rows)
        fresh = [self._name(row) for row in rows]
        if any(name in self.users for name in fresh):
            raise BadRequest("a user exists")
        if len(self.users) + len(fresh) > self.capacity:
            raise BadRequest("the memory is full")
        self.users |= {name: dict(row) for name, row in zip(fresh, rows, strict=True)}

    def update_users(self, rows: Sequence[Row]) -> None:
        """Change people; anybody who is not here fails the batch."""
        self._batch(rows)
        if any(self._name(row) not in self.users for row in rows):
            raise BadRequest("no such user")
        for row in rows:
            self.users[row["UserID"]] = self.users[row["UserID"]] | row

    def remove_users(self, names: Sequence[str]) -> None:
        """Forget people with their cards and faces; an empty list is refused here, and is everybody elsewhere."""
        self._batch(names)
        for name in names:
            self.users.pop(name, None)
            self.faces.pop(name, None)
        self.cards = {number: row for number, row in self.cards.items() if row["UserID"] not in names}

    def insert_cards(self, rows: Sequence[Row]) -> None:
        """Add new cards of existing people."""
        self._batch(rows)
        for row in rows:
            number = str(row.get("CardNo", ""))
            if not number or set(number) - set("0123456789ABCDEF"):
                raise BadRequest("a card number in anything but upper-case hex")
            if number in self.cards or row.get("UserID") not in self.users:
                raise BadRequest("the card exists, or its user does not")
        if len(self.cards) + len(rows) > self.cards_capacity:
            raise BadRequest("the memory is full")
        self.cards |= {row["CardNo"]: dict(row) for row in rows}

    def update_cards(self, rows: Sequence[Row]) -> None:
        """Change cards that are here."""
        self._batch(rows)
        if any(row.get("CardNo") not in self.cards or row.get("UserID") not in self.users for row in rows):
            raise BadRequest("no such card or user")
        self.cards |= {row["CardNo"]: dict(row) for row in rows}

    def remove_cards(self, numbers: Sequence[str]) -> None:
        """Forget cards."""
        self._batch(numbers)
        for number in numbers:
            self.cards.pop(number, None)

    def put_faces(self, rows: Sequence[Row], *, fresh: bool) -> None:
        """Write faces of existing people: `fresh` ones only where there is none yet, others only where there is one."""
        self._batch(rows)
        photos: dict[str, bytes] = {}
        for row in rows:
            name = str(row.get("UserID", ""))
            if name not in self.users or (name in self.faces) is fresh:
                raise BadRequest("no such user, or the face exists, or does not")
            photos[name] = _photo(row)
            held = chain(self.faces.items(), photos.items())
            if any(photo == photos[name] for other, photo in held if other != name):
                raise BadRequest("this very face is another user's")
        self.faces |= photos

    def remove_faces(self, names: Sequence[str]) -> None:
        """Forget faces."""
        self._batch(names)
        for name in names:
            self.faces.pop(name, None)

    def _name(self, row: Row) -> str:
        name, shown = row.get("UserID"), str(row.get("UserName", ""))
        if not isinstance(name, str) or not 1 <= len(name) <= 31:
            raise BadRequest("no UserID")
        if len(shown.encode()) > self.longest_name or (self.only_ascii and not shown.isascii()):
            raise BadRequest("a name that does not fit")
        return name

    @staticmethod
    def _batch(rows: Sequence[object]) -> None:
        if not 1 <= len(rows) <= BATCH:
            raise BadRequest("a batch has 1 to 10")


def _photo(row: Row) -> bytes:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only who sends photos needs it

    try:
        (text,) = row["PhotoData"]
        jpeg = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(jpeg)) as picture:
            form, (width, height) = picture.format, picture.size
    except (KeyError, TypeError, ValueError, binascii.Error, UnidentifiedImageError) as error:
        raise BadRequest("a photo that is none") from error
    if form != "JPEG" or len(jpeg) > MAX_PHOTO_BYTES:
        raise BadRequest("a photo over 100 KB, or no JPEG")
    if not (SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]):
        raise BadRequest(f"a photo of {width}x{height}")
    return jpeg


class Records:
    """Records of who stood there, in the order of the terminal's own clock (AccessControlCardRec)."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._rows: list[Row] = []
        self.next_number = 1

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> int:
        """Keep a row with CreateTime; its RecNo."""
        number, self.next_number = self.next_number, self.next_number + 1
        place = bisect_right(self._times, row["CreateTime"])
        self._times.insert(place, row["CreateTime"])
        self._rows.insert(place, {"RecNo": number, **row})
        return number

    def find(self, start: int, end: int, count: int) -> list[Row]:
        """Find the oldest `count` records from second `start` through second `end`."""
        first, last = bisect_left(self._times, start), bisect_right(self._times, end)
        return self._rows[first : min(last, first + count)]

    def forget(self) -> None:
        """Delete all records, as a factory reset does: numbers begin again."""
        self._times, self._rows, self.next_number = [], [], 1

"""Records as a ZKTeco terminal writes them: fields by tabs, one record a line, and its own count of seconds.

Source: ZKTeco, Security PUSH Communication Protocol (September 2021), 7 and appendixes 5 and 6.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from devicemgr.domain.rules.cards.formats import names_of_number

MAX_RECORDS = 20_000
_MAX_FIELDS, _MAX_VALUE_CHARS = 64, 300
_TIME_FORM = "%Y-%m-%d %H:%M:%S"
_HEX_CARD = re.compile(r"\[([0-9a-fA-F]{2,16})\]")
# Where a record has no tabs, a space before NAME= begins the next field; a time holds a space itself.
_SPACE = re.compile(r" (?=[A-Za-z_]+=)")

Record = dict[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One access record; `index` is the terminal's own number of it, 0 where its firmware gives none."""

    index: int
    at: datetime
    code: int
    door: int
    pin: str
    card: str
    verify: str
    inout: str


def read_records(body: bytes) -> list[Record]:
    """Return the records of a body by lower-case field names; a table's name before the first field is left out."""
    text = body.decode("utf-8", "replace")
    records = []
    for line in text.split("\n")[:MAX_RECORDS]:
        record = _read_line(line)
        if record:
            records.append(record)
    return records


def _read_line(line: str) -> Record:
    record: Record = {}
    line = line.strip("\r\0")
    parts = line.split("\t", _MAX_FIELDS) if "\t" in line else _SPACE.split(line, maxsplit=_MAX_FIELDS)
    for place, part in enumerate(parts):
        name, equals, value = part.partition("=")
        name = name.strip().rpartition(" ")[2] if place == 0 else name.strip()
        if equals and name and len(value) <= _MAX_VALUE_CHARS:
            record.setdefault(name.lower(), value.strip())
        elif equals and name:
            record.setdefault(name.lower(), "")  # such as a photo: that it is there is all that counts
    return record


def read_parameters(body: bytes) -> Record:
    """Return `name=value,…` of a registration or of options; names as written, without their leading `~`."""
    found: Record = {}
    for part in re.split(r"[,\r\n]", body[: 1 << 16].decode("utf-8", "replace"))[:1000]:
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found[name.strip().lstrip("~")[:60]] = value.strip()[:_MAX_VALUE_CHARS]
    return found


def read_event(record: Record, zone: tzinfo | None) -> Event | None:
    """Return the access record of table rtlog or transaction; None for what is none."""
    at = _time_of(record, zone)
    code = whole(record.get("event", record.get("eventtype", "")))
    if at is None or code is None:
        return None
    door = whole(record.get("eventaddr", record.get("doorid", ""))) or 1
    pin = record.get("pin", "")
    return Event(
        whole(record.get("index", "")) or 0,
        at,
        code,
        min(max(door, 1), 255),
        "" if pin == "0" else pin[:64],
        record.get("cardno", "")[:40],
        record.get("verifytype", record.get("verified", ""))[:16],
        record.get("inoutstatus", record.get("inoutstate", ""))[:4],
    )


def _time_of(record: Record, zone: tzinfo | None) -> datetime | None:
    if "time_second" in record:
        seconds = whole(record["time_second"])
        return None if seconds is None else decode_time(seconds, zone)
    return read_time(record.get("time", ""), zone)


def read_time(text: str, zone: tzinfo | None) -> datetime | None:
    """Return a time that is written out in the terminal's zone; None for none."""
    try:
        return aware(datetime.strptime(text.strip(), _TIME_FORM), zone)
    except (ValueError, OverflowError):
        return None


def aware(wall: datetime, zone: tzinfo | None) -> datetime:
    """Return a wall time of the terminal in UTC; `zone` None is this computer's."""
    return (wall.astimezone() if zone is None else wall.replace(tzinfo=zone)).astimezone(UTC)


def encode_time(moment: datetime, zone: tzinfo | None) -> int:
    """Return a moment as the terminal counts seconds: months of 31 days since 2000 (appendix 5)."""
    wall = moment.astimezone(zone)
    days = ((wall.year - 2000) * 12 + wall.month - 1) * 31 + wall.day - 1
    return ((days * 24 + wall.hour) * 60 + wall.minute) * 60 + wall.second


def decode_time(seconds: int, zone: tzinfo | None) -> datetime | None:
    """Return the moment of the terminal's count of seconds (appendix 6); None for a day that no month has."""
    rest, second = divmod(seconds, 60)
    rest, minute = divmod(rest, 60)
    rest, hour = divmod(rest, 24)
    rest, day = divmod(rest, 31)
    year, month = divmod(rest, 12)
    try:
        return aware(datetime(2000 + year, month + 1, day + 1, hour, minute, second), zone)
    except (ValueError, OverflowError):
        return None


def whole(text: str) -> int | None:
    """Return a whole number of up to 18 digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def card_number(text: str, *, hexadecimal: bool = False) -> int | None:
    """Return the number of a card; None for none, and where it is not certain how it is written.

    `[15CD5B07]` has the bytes lowest first (7.5). Elsewhere a number is decimal; a terminal whose people have several
    cards (`hexadecimal`) stores them in hex and does not say which of the two an event has.
    """
    if found := _HEX_CARD.fullmatch(text):
        digits = found[1]
        return int.from_bytes(bytes.fromhex(digits), "little") or None if len(digits) % 2 == 0 else None
    if hexadecimal:
        certain = text if re.fullmatch(r"[0-9a-fA-F]{1,16}", text) and not text.isdigit() else ""
        return int(certain, 16) if certain else None
    return whole(text) or None


def card_names(text: str, *, hexadecimal: bool = False) -> tuple[str, ...]:
    """Return the ways to write an event's card (rules.cards)."""
    number = card_number(text, hexadecimal=hexadecimal)
    return names_of_number(number) if number else ()

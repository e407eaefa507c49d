"""Names and numbers that people and devices send: checked, normalized, and safe to show."""

import json
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from devicemgr.errors import InvalidInput

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_BADGE = re.compile(r"[\w][\w.:+-]{0,63}\Z")
# Cc control, Cf format (bidi overrides, zero width), Cs surrogate, Zl/Zp line separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
RESERVED_BADGES = frozenset({"changes"})
"""What can't name a person, since `/people/…` has it for something else."""
_BEHIND_NUMBERS = 10**64  # longer than a badge
# Joiners that Persian, Kurdish and Indic names are written with.
_JOINERS = {"\u200c", "\u200d"}
# They turn a name around when it is shown: refused, where other invisible characters are dropped.
_OVERRIDES = {"\u202d", "\u202e"}


def safe(text: str, limit: int = 300) -> str:
    """Return `text` for a log line or a terminal: control and bidi characters escaped, cut to `limit` characters."""
    shown = "".join(_escape(c) if unicodedata.category(c) in _UNSAFE else c for c in text[:limit])
    return shown + "…" if len(text) > limit else shown


def _escape(char: str) -> str:
    return char if char in _JOINERS else char.encode("unicode_escape").decode("ascii")


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, as in 1 person and 2 people; the plural has an s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def natural_key(badge: str) -> list[tuple[int, str]]:
    """Return what sorts A9 before A10, and 1001 before both: numbers by their value, then text as it is."""
    return [
        (int(part), "") if part.isdecimal() else (_BEHIND_NUMBERS, part) for part in re.split(r"(\d+)", badge) if part
    ]


def slug(what: str, text: str) -> str:
    """Return a name of a portal, device, level or schedule: a-z 0-9 . _ -, up to 63 characters; else InvalidInput."""
    if not _SLUG.match(text):
        raise InvalidInput(
            f"{what} name '{safe(text, 60)}' is not a short name; use a-z, 0-9, '.', '_' and '-', such as lobby-1"
        )
    return text


def json_line(document: Any) -> str:
    """Return JSON for a terminal or a pipe: letters of all scripts as they are, control and bidi characters escaped."""
    text = json.dumps(document, ensure_ascii=False)
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: _json_escape(found[0]), text)


def _json_escape(char: str) -> str:
    unsafe = unicodedata.category(char) in _UNSAFE and char not in _JOINERS
    return json.dumps(char)[1:-1] if unsafe else char


def badge_key(text: str) -> str:
    """Return a badge number as it is stored and looked up.

    What looks the same in another encoding is the same (NFKC).
    """
    return unicodedata.normalize("NFKC", text.strip())


def badge(text: str) -> str:
    """Return a badge number: letters, digits and . : + - _, up to 64 characters; else InvalidInput."""
    number = badge_key(text)
    if number in RESERVED_BADGES:
        raise InvalidInput(f"badge '{number}' is an address of the API; choose another badge")
    if not _BADGE.match(number):
        raise InvalidInput(f"badge '{safe(text, 60)}' is not a badge number; use letters, digits and . : + - _")
    return number


def without_invisible(text: str) -> str:
    """Return `text` without direction marks, byte order marks, soft hyphens and the like.

    Spreadsheets and messengers leave them in what is copied. Joiners that scripts need stay, and so do the overrides
    of the direction of writing, which no one types by accident.
    """
    if text.isascii():
        return text
    kept = _JOINERS | _OVERRIDES
    return "".join(c for c in text if c in kept or unicodedata.category(c) != "Cf")


def single_line(text: str) -> str:
    """Return `text` as one line, NFC, spaces folded, without control, invisible and overriding characters."""
    plain = without_invisible(text)
    kept = "".join(" " if unicodedata.category(c) in _UNSAFE and c not in _JOINERS else c for c in plain)
    return " ".join(unicodedata.normalize("NFC", kept).split())


def person_name(text: str) -> str:
    """Return a person's name in any script, NFC, spaces folded, 1–200 characters; else InvalidInput.

    Invisible characters are dropped; control characters and overrides of the direction of writing are refused.
    """
    name = " ".join(unicodedata.normalize("NFC", without_invisible(text)).split())
    if not 1 <= len(name) <= 200:
        raise InvalidInput("a person's name has 1 to 200 characters")
    if any(unicodedata.category(c) in _UNSAFE and c not in _JOINERS for c in name):
        raise InvalidInput(f"the name '{safe(name, 60)}' has control characters; type it without them")
    return name


def reference(text: str) -> str:
    """Return a consent reference (form number, file name…): 1–200 printable characters; else InvalidInput."""
    cleaned = " ".join(text.split())
    if not 1 <= len(cleaned) <= 200 or any(unicodedata.category(c) in _UNSAFE for c in cleaned):
        raise InvalidInput("a consent reference has 1 to 200 printable characters, such as the form's number")
    return cleaned


def rfc3339(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str, zone: tzinfo | None = None) -> datetime:
    """Return RFC 3339, or a date or time in `zone` (this host's by default), as an aware time; else InvalidInput.

    A date alone (`2026-12-31`) is its first moment; `2026-12-31T18:00` is a time without a zone of its own.
    """
    try:
        return _aware(datetime.fromisoformat(text.strip()), zone)
    except (ValueError, OverflowError) as error:
        message = f"'{safe(text, 40)}' is not a time; write 2026-12-31 or 2026-12-31T18:00:00+05:00"
        raise InvalidInput(message) from error


def parse_end(text: str, zone: tzinfo | None = None) -> datetime:
    """Return the end that a person means: a date alone includes that day, so it ends as the next one begins.

    With a time it is that moment, as in `parse_time`.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return parse_time(text, zone)
    try:
        return _aware(datetime.combine(day, time()) + timedelta(days=1), zone)
    except OverflowError as error:
        raise InvalidInput(f"'{safe(text, 40)}' is too late for an end; leave it out for none") from error


def _aware(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)

"""A Dahua (Intelbras) terminal's CGIs: queries as it wants them written, and its answers, whatever they claim to be.

A refusal of any kind, a CGI that is not there included, is HTTP 400 `Error\\r\\nBad Request!`; and 401 also means too
many connections.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import quote

from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.console.device_clock import ClockReading
from drivers.common.http.client import DEADLINE, MAX_BODY, Answer, Http, Request, read_json
from drivers.common.http.key_values import flat
from drivers.common.http.login import Login

CHALLENGE_TARGET = "/cgi-bin/magicBox.cgi?action=getDeviceType"
Pairs = Iterable[tuple[str, str]]
Row = dict[str, Any]

_PROVEN_REFUSALS = 3
_PROVEN_QUIET_SECONDS = 300.0
_MOST_LINES = 200_000
_MOST_PICTURE = 5_000_000
_INDEXED = re.compile(r"(\w+)\[(\d{1,6})\]\.(.+)\Z")
_LOCAL = "%Y-%m-%d %H:%M:%S"


class CgiRefused(DeviceRefused):
    """HTTP 400: the request can't be done, or this firmware does not know how."""


class CrowdedLogin(Login):
    """A password that the terminal has taken before is not wrong: then 401 means too many connections.

    Yet it may have been changed there: after three refusals in a row one try each five minutes is all.
    """

    def __init__(self, username: str | None, password: str | None) -> None:
        super().__init__(username, password)
        self._proven = False
        self._crowded, self._quiet_until = 0, 0.0

    def require_open(self) -> None:
        """DeviceRefused or DeviceBusy while no more tries are allowed."""
        if self._proven and time.monotonic() < self._quiet_until:
            raise DeviceBusy(
                "the terminal answers 401 to a password that it took before: close other programs that "
                "use it, or give the new password with `devicemgr device edit`"
            )
        super().require_open()

    def refused(self) -> None:
        """The terminal answered 401."""
        if not self._proven:
            super().refused()
            return
        self._crowded += 1
        if self._crowded >= _PROVEN_REFUSALS:
            self._quiet_until = time.monotonic() + _PROVEN_QUIET_SECONDS
        raise DeviceBusy("the terminal has too many connections (it answers 401); close other programs that use it")

    def accepted(self) -> None:
        """The terminal took the password."""
        self._proven = True
        self._crowded, self._quiet_until = 0, 0.0
        super().accepted()


class Cgi:
    """Asks one terminal; DeviceError within a deadline, CgiRefused for its 400."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def text(self, cgi: str, action: str, pairs: Pairs = (), *, limit: int = MAX_BODY) -> str:
        """The answer to a GET."""
        return self._get(cgi, action, pairs, limit=limit).decode("utf-8", "replace")

    def document(self, cgi: str, action: str, pairs: Pairs = ()) -> dict[str, Any]:
        """The JSON object that a GET is answered."""
        return read_json(self._get(cgi, action, pairs))

    def whole(self, cgi: str, action: str, pairs: Pairs = ()) -> Answer:
        """The answer to a GET as it came, refusals too."""
        return self._http.exchange(Request("GET", target(cgi, action, pairs)))

    def picture(self) -> bytes:
        """What its camera sees; a CGI that takes no action."""
        return _body(self._http.exchange(Request("GET", "/cgi-bin/snapshot.cgi?channel=1", limit=_MOST_PICTURE)))

    def order(self, cgi: str, action: str, pairs: Pairs = (), *, once: bool = False) -> None:
        """A GET that changes something; `once` and a lost answer are OutcomeUnknown."""
        body = self._get(cgi, action, pairs, once=once)
        if not body.strip().upper().startswith(b"OK"):
            if once:
                raise OutcomeUnknown(f"the command was sent, and answered '{_shown(body)}'; look at the terminal")
            raise DeviceGarbled(f"the terminal answers '{_shown(body)}' where it should say OK; update its firmware")

    def post(self, cgi: str, action: str, document: dict[str, Any]) -> None:
        """A POST of JSON that changes something."""
        import json  # noqa: PLC0415 - beside its one use

        body = json.dumps(document, ensure_ascii=False).encode()
        request = Request("POST", target(cgi, action), body, "application/json", seconds=2 * DEADLINE)
        _body(self._http.exchange(request))

    def _get(self, cgi: str, action: str, pairs: Pairs, *, once: bool = False, limit: int = MAX_BODY) -> bytes:
        return _body(
            self._http.exchange(Request("GET", target(cgi, action, pairs), once=once, urgent=once, limit=limit))
        )


def target(cgi: str, action: str, pairs: Pairs = ()) -> str:
    """Path and query; values are percent-quoted, a space as %20: a plus is a plus to these terminals."""
    query = "".join(f"&{name}={quote(value, safe='')}" for name, value in pairs)
    return f"/cgi-bin/{cgi}.cgi?action={action}{query}"


def numbered(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """`name[0]=…&name[1]=…`."""
    return [(f"{name}[{place}]", value) for place, value in enumerate(values)]


def _body(answer: Answer) -> bytes:
    if answer.status == 503:
        raise DeviceBusy("the terminal says that it is busy; it is tried again later")
    if answer.status >= 400 or answer.body.lstrip()[:5] == b"Error":
        raise CgiRefused(f"the terminal refuses (HTTP {answer.status}): {_shown(answer.body)}")
    return answer.body


def _shown(body: bytes) -> str:
    return safe(" ".join(body[:120].decode("utf-8", "replace").split()), 80)


def flat_rows(text: str, name: str) -> list[dict[str, str]]:
    """`name[0].key=value` lines as rows in their order."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in flat(text).items():
        if (found := _INDEXED.match(key)) and found[1] == name:
            rows.setdefault(int(found[2]), {})[found[3]] = value
    return [rows[place] for place in sorted(rows)]


def number(value: object, default: int = 0) -> int:
    """A whole number however it is written, of at most 18 digits; else `default`."""
    text = str(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else default


@dataclass(frozen=True, slots=True)
class TerminalClock:
    """The terminal's zone, and how many seconds its clock is ahead of this box's; no `reading` before it was read."""

    zone: tzinfo
    skew: float
    reading: ClockReading | None = None

    def local(self, moment: datetime) -> datetime:
        """An aware time as the terminal shows it."""
        return moment.astimezone(self.zone)


def read_clock(cgi: Cgi, zone: tzinfo | None) -> TerminalClock:
    """Ask for its local time; without `zone` its offset from UTC is taken in steps of a quarter of an hour."""
    before, sent = datetime.now(UTC), time.monotonic()
    said = flat(cgi.text("global", "getCurrentTime")).get("result", "")
    now, read = before + (datetime.now(UTC) - before) / 2, (sent + time.monotonic()) / 2
    try:
        shown_time = datetime.strptime(said, _LOCAL)
    except ValueError as error:
        raise DeviceGarbled(f"the terminal's time '{safe(said, 40)}' can't be read; update its firmware") from error
    if zone is None:
        quarters = round((shown_time.replace(tzinfo=UTC) - now) / timedelta(minutes=15))
        offset = timedelta(minutes=15) * quarters
        if abs(offset) > timedelta(hours=14):
            raise DeviceRefused(f"the terminal's clock shows {safe(said, 40)}: set it, or switch NTP on there")
        zone = timezone(offset)
    # It shows whole seconds: half of one is the best guess at the rest.
    shown = shown_time.replace(tzinfo=zone)
    return TerminalClock(zone, (shown - now).total_seconds() + 0.5, ClockReading(shown.timestamp() + 0.5, read))

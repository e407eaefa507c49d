r"""Dahua (Intelbras) CGIs: requests in the form that a terminal wants, and its answers, whatever type they claim.

A refusal of any kind, a CGI that is not there included, is HTTP 400 `Error\r\nBad Request!`; and 401 also means too
many connections.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import quote

from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.console.device_clock import ClockReading
from drivers.common.http.client import DEADLINE, MAX_BODY_BYTES, Http, Request, read_json
from drivers.common.http.key_values import flat
from drivers.common.http.transport import Answer
from drivers.dahua_console.login import TooManyConnections
from drivers.dahua_console.refusals import Cause, CgiRefused, cause_of, read_codes, words_of

CHALLENGE_TARGET = "/cgi-bin/magicBox.cgi?action=getDeviceType"
Pairs = Iterable[tuple[str, str]]
Row = dict[str, Any]

_MAX_PICTURE_BYTES = 5_000_000
_FIRST_PAUSE_S, _MIN_ATTEMPT_S, _COMMAND_S = 0.3, 1.0, 1.0
# An error that firmware sends with HTTP 200.
_REFUSAL = re.compile(rb'\s*\{\s*"(?:code"\s*:\s*[1-9]|error"\s*:\s*\{)')
_MAX_LINES = 100_000
_INDEXED = re.compile(r"(\w+)\[(\d{1,6})\]\.([^=]+)=(.*)\Z")
_LOCAL = "%Y-%m-%d %H:%M:%S"


class Cgi:
    """Requests to one terminal, each within a deadline; CgiRefused for a refusal, NotYet while it is busy to the end.

    An answer that means "not now" (429, 503, a code for busy, 401 for too many connections) proves that nothing was
    done: the same is sent again until the deadline. `advice` is added to an error of a terminal that takes no
    connection.
    """

    def __init__(self, http: Http, advice: Callable[[], str] = str) -> None:
        self._http, self._advice = http, advice

    def text(
        self, cgi: str, action: str, pairs: Pairs = (), *, limit: int = MAX_BODY_BYTES, seconds: float = DEADLINE
    ) -> str:
        """Return the answer to a GET that changes nothing."""
        return self._read(cgi, action, pairs, limit=limit, seconds=seconds).decode("utf-8", "replace")

    def document(self, cgi: str, action: str, pairs: Pairs = ()) -> dict[str, Any]:
        """Return the JSON object that a GET is answered."""
        return read_json(self._read(cgi, action, pairs))

    def whole(self, cgi: str, action: str, pairs: Pairs = ()) -> Answer:
        """Return the answer to a GET as it came, refusals too."""
        return self._http.exchange(Request("GET", target(cgi, action, pairs), is_read=True))

    def picture(self) -> bytes:
        """Return what its camera sees; a CGI that takes no action."""
        return self._exchange(Request("GET", "/cgi-bin/snapshot.cgi?channel=1", is_read=True, limit=_MAX_PICTURE_BYTES))

    def order(self, cgi: str, action: str, pairs: Pairs = (), *, once: bool = False) -> None:
        """Send a GET that changes something; `once` and a lost answer are OutcomeUnknown."""
        body = self._exchange(Request("GET", target(cgi, action, pairs), once=once, urgent=once))
        if not body.strip().upper().startswith(b"OK"):
            if once:
                raise OutcomeUnknown(f"the command was sent, and answered '{_shown(body)}'; look at the terminal")
            raise DeviceGarbled(f"the terminal answers '{_shown(body)}' where it should say OK; update its firmware")

    def insert(self, cgi: str, pairs: Pairs) -> str:
        """Send a GET that adds a record, and return the answer, which names it."""
        return self._exchange(Request("GET", target(cgi, "insert", pairs))).decode("utf-8", "replace")

    def post(self, cgi: str, action: str, document: dict[str, Any]) -> None:
        """Send a POST of JSON that changes something."""
        body = json.dumps(document, ensure_ascii=False).encode()
        self._exchange(Request("POST", target(cgi, action), body, "application/json", seconds=2 * DEADLINE))

    def _read(
        self, cgi: str, action: str, pairs: Pairs, *, limit: int = MAX_BODY_BYTES, seconds: float = DEADLINE
    ) -> bytes:
        request = Request("GET", target(cgi, action, pairs), is_read=True, limit=limit, seconds=seconds)
        return self._exchange(request)

    def _exchange(self, request: Request) -> bytes:
        # A release has a deadline of its own, which is kept by who sends it.
        seconds = _COMMAND_S if request.once else request.seconds
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_S
        while True:
            busy: DeviceBusy | None = None
            try:
                answer = self._http.exchange(request)
                body = _body(answer)
            except DeviceBusy as error:
                busy = error
            except DeviceUnreachable as error:
                raise DeviceUnreachable(f"{error}{self._advice()}") from error
            else:
                return body
            if not isinstance(busy, _Busy | TooManyConnections) or time.monotonic() + pause > deadline:
                raise NotYet(str(busy)) if isinstance(busy, _Busy) or request.once else busy
            time.sleep(pause)
            pause *= 2
            request = replace(request, seconds=max(deadline - time.monotonic(), _MIN_ATTEMPT_S))


class _Busy(DeviceBusy):
    """The terminal says "not now"."""


def target(cgi: str, action: str, pairs: Pairs = ()) -> str:
    """Path and query; values are percent-quoted, a space as %20: a plus is a plus to these terminals."""
    query = "".join(f"&{name}={quote(value, safe='')}" for name, value in pairs)
    return f"/cgi-bin/{cgi}.cgi?action={action}{query}"


def numbered(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """Build `name[0]=…&name[1]=…`."""
    return [(f"{name}[{place}]", value) for place, value in enumerate(values)]


def _body(answer: Answer) -> bytes:
    says_error = answer.body.lstrip()[:5] == b"Error"
    if answer.status < 400 and not says_error and not _REFUSAL.match(answer.body):
        return answer.body
    codes = read_codes(answer.body)
    if answer.status in (429, 503) or (codes and all(cause_of(code) is Cause.BUSY for code in codes)):
        why = f": {words_of(codes)}" if codes else f" (HTTP {answer.status})"
        raise _Busy(f"the terminal says that it is busy{why}; it is tried again later")
    why = words_of(codes) if codes else _shown(answer.body)
    raise CgiRefused(f"the terminal refuses (HTTP {answer.status}): {why}", codes)


def _shown(body: bytes) -> str:
    return safe(" ".join(body[:120].decode("utf-8", "replace").split()), 80)


def flat_rows(text: str, name: str, *, max_lines: int = _MAX_LINES) -> list[dict[str, str]]:
    """Return `name[0].key=value` lines as rows in their order."""
    rows: dict[int, dict[str, str]] = {}
    lines = text.splitlines()
    if len(lines) > max_lines:
        raise DeviceGarbled("the terminal's answer has too many lines; is this the right device?")
    for line in lines:
        if (found := _INDEXED.match(line.strip())) and found[1] == name:
            rows.setdefault(int(found[2]), {})[found[3].strip()] = found[4].strip()
    return [rows[place] for place in sorted(rows)]


def number(value: object, default: int = 0) -> int:
    """Parse a whole number of at most 18 digits, written as text or not; return `default` for anything else."""
    text = str(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else default


@dataclass(frozen=True, slots=True)
class TerminalClock:
    """The terminal's zone, and how many seconds its clock is ahead of this box's; no `reading` before it was read."""

    zone: tzinfo
    skew: float
    reading: ClockReading | None = None

    def local(self, moment: datetime) -> datetime:
        """Convert an aware time to the time that the terminal shows."""
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

"""ISAPI: requests and answers in JSON or XML over drivers/common/http/client.py, and the device's refusals in words.

Answers are distinguished by their first byte: XML comes labelled as JSON (capture).
"""

import json
import time
from typing import Any
from xml.sax.saxutils import escape

from devicemgr.errors import DeviceBusy, DeviceGarbled, DeviceRefused, NotYet
from devicemgr.text import safe
from drivers.common.http.client import Http, Request, read_json
from drivers.common.http.transport import Answer
from drivers.common.http.xml import read_xml
from drivers.hikvision_console.sub_statuses import BUSY, BUSY_NOW, NOT_SUPPORTED, OK, OTHER_DEVICE, STATUS, SUB_STATUS

NAMESPACE = "http://www.isapi.org/ver20/XMLSchema"
DEVICE_INFO = "/ISAPI/System/deviceInfo"
# The pauses double up to 2 s (Pace).
_BUSY_S = 4.0
# A question waits a second at the least (remote_check_seconds).
_COMMAND_BUSY_S, _COMMAND_PAUSE_S = 1.0, 0.1


class Refusal(DeviceRefused):
    """The console says no: `code` is its subStatusCode in lower case, "" where there is none."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_unsupported(self) -> bool:
        """True where this firmware lacks what was requested."""
        return self.code in NOT_SUPPORTED


class Isapi:
    """Requests to one console; each answer is a dictionary, whether it came as JSON or as XML."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def get(self, target: str) -> dict[str, Any]:
        """Request a page and return its object."""
        return self._ask(Request("GET", target))

    def send(self, method: str, target: str, body: dict[str, Any], **how: Any) -> dict[str, Any]:
        """Send JSON; `how` as in Request."""
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return self._ask(Request(method, f"{target}?format=json", data, "application/json", **how))

    def send_ready(self, method: str, target: str, body: dict[str, Any]) -> None:
        """Send a command in JSON, ahead of what waits; again while the console is busy, as long as a question lasts."""
        until = time.monotonic() + _COMMAND_BUSY_S
        while True:
            try:
                self.send(method, target, body, once=True, urgent=True)
            except NotYet:
                if time.monotonic() + _COMMAND_PAUSE_S > until:
                    raise
                time.sleep(_COMMAND_PAUSE_S)
            else:
                return

    def put_xml(self, target: str, root: str, fields: dict[str, str], **how: Any) -> dict[str, Any]:
        """PUT `fields` as the children of `root`; `how` as in Request."""
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        text = f'<?xml version="1.0" encoding="UTF-8"?><{root} version="2.0" xmlns="{NAMESPACE}">{inner}</{root}>'
        return self._ask(Request("PUT", target, text.encode("utf-8"), "application/xml", **how))

    def send_raw(self, request: Request) -> dict[str, Any]:
        """Send what is no plain JSON or XML."""
        return self._ask(request)

    def _ask(self, request: Request) -> dict[str, Any]:
        """Send it; again within a deadline while the console is busy, which proves that it did nothing.

        NotYet for a command: only its caller knows whether it may still be sent.
        """
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                return read_answer(self.http.exchange(request))
            except DeviceBusy as busy:
                self.http.is_busy()
                if request.once:
                    raise NotYet("the console is busy and did nothing; try again") from busy
                if time.monotonic() >= until:
                    raise


def read_answer(answer: Answer) -> dict[str, Any]:
    """Return an answer's object; raise Refusal or DeviceBusy for a refusal, DeviceGarbled for an unreadable answer."""
    fine = 200 <= answer.status < 300
    try:
        found = _parse(answer.body)
    except DeviceGarbled:
        if fine:
            raise
        found = {}
    code = _number(found.get("statusCode"))
    if fine and (code is None or code in OK):
        return found
    sub = safe(str(found.get("subStatusCode") or ""), 100)
    if not sub and answer.status in (404, 405, 501):
        sub = "notSupport"
    key = sub.replace(" ", "").lower()
    words = SUB_STATUS.get(key)
    # A statusCode of 2 is "busy" only where no subStatusCode says otherwise: noMemory comes with it.
    if key in BUSY_NOW or (words is None and (code == BUSY or answer.status in (429, 503))):
        raise DeviceBusy("the console is busy; it is tried again later")
    more = safe(str(found.get("errorMsg") or sub), 100) if words is None else sub if words == OTHER_DEVICE else ""
    words = words or STATUS.get(code or 0) or f"answers HTTP {answer.status}"
    raise Refusal(f"the console {words}" + (f" ({more})" if more else ""), key)


def _parse(body: bytes) -> dict[str, Any]:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not start:
        return {}
    return read_xml(body)[1] if start == b"<" else read_json(body)


def _number(value: object) -> int | None:
    try:
        return int(str(value)) if value is not None else None
    except ValueError:
        return -1  # no number, and so none that means OK


def items(value: object) -> list[dict[str, Any]]:
    """List the objects of a list, or one lone object; anything else gives []."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict)]


def section(value: object, name: str) -> dict[str, Any]:
    """Return the object `name` within an object; {} if it is missing."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def is_no_match(answer: dict[str, Any]) -> bool:
    """Return True if the answer to a search says that nothing was found, rather than nothing at all."""
    counts = [answer[name] for name in ("totalMatches", "numOfMatches") if name in answer]
    words = str(answer.get("responseStatusStrg", "")).strip().upper()
    return words == "NO MATCH" or (bool(counts) and all(str(count) == "0" for count in counts))

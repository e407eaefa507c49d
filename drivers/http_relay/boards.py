"""The interface of a web relay board, and the simpler boards; relays and inputs are counted from 1."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from devicemgr.domain.model import DeviceInfo
from devicemgr.errors import DeviceGarbled, DeviceRefused, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.transport import Answer
from drivers.http_relay.client import BoardClient, require_ok


@dataclass(frozen=True, slots=True)
class State:
    """The state that the board reports: its relays, and its inputs where it has any."""

    relays: Mapping[int, bool]
    inputs: Mapping[int, bool] = field(default_factory=dict)


class WebBoard(Protocol):
    """One maker's pages. `max_pulse_s` is the longest pulse that the board times itself, 0 for a board without a timer.

    `is_open` says that the board takes commands from anybody.
    """

    max_pulse_s: float
    is_open: bool

    def identify(self) -> DeviceInfo:
        """Return what the board says of itself, and learn how it is used."""

    def state(self, *, with_inputs: bool) -> State:
        """Return what is on."""

    def switch(self, relay: int, on: bool) -> None:
        """Send one command; return once the board has answered it."""

    def pulse(self, relay: int, seconds: float) -> None:
        """Send one command for a pulse that the board ends."""


_TAG = re.compile(rb"<relay([0-9]{1,2})>\s*([01])\s*</relay\1>", re.IGNORECASE)


def relays_of_xml(body: bytes, name: str) -> dict[int, bool]:
    """Return the relays of a status.xml (`<relay1>0</relay1>`); KMTronic's relay0 is none."""
    found = {int(number): value == b"1" for number, value in _TAG.findall(body) if int(number)}
    if not found:
        raise DeviceGarbled(f"status.xml of {name} names no relays; check the option model")
    return found


class Devantech:
    """ETH002, ETH008, ETH8020 (manual, "HTTP commands DOAx and DOIx"): tenths of a second, 0 for good."""

    max_pulse_s = 25.5

    def __init__(self, name: str, client: BoardClient) -> None:
        self._name, self._client = name, client
        self.is_open = not client.has_password

    def identify(self) -> DeviceInfo:
        """Count the relays on the status page, which names no model."""
        count = len(self.state(with_inputs=False).relays)
        return DeviceInfo("Devantech", f"ETH board with {count} relays")

    def state(self, *, with_inputs: bool) -> State:  # noqa: ARG002
        """Read the relays from status.xml; its inputs are not used."""
        return State(relays_of_xml(self._ok(self._client.get("/status.xml")).body, self._name))

    def switch(self, relay: int, on: bool) -> None:
        """Send DOAn to switch a relay on, DOIn to switch it off."""
        self._ok(self._client.command("/io.cgi", {f"DO{'A' if on else 'I'}{relay}": "0"}))

    def pulse(self, relay: int, seconds: float) -> None:
        """Send DOAn with a time in tenths of a second."""
        tenths = max(1, round(seconds * 10))
        self._ok(self._client.command("/io.cgi", {f"DOA{relay}": str(tenths)}))

    def _ok(self, answer: Answer) -> Answer:
        return require_ok(answer, self._name, has_password=self._client.has_password)


class KmTronic:
    """LAN web relays: /FFrrss with relay and state; status.xml. Its pages document no timed pulse."""

    max_pulse_s = 0.0

    def __init__(self, name: str, client: BoardClient) -> None:
        self._name, self._client = name, client
        self.is_open = not client.has_password

    def identify(self) -> DeviceInfo:
        """Count the relays on the status page, which names no model."""
        return DeviceInfo("KMTronic", f"LAN relay with {len(self.state(with_inputs=False).relays)} relays")

    def state(self, *, with_inputs: bool) -> State:  # noqa: ARG002
        """Read the relays from status.xml."""
        return State(relays_of_xml(self._ok(self._client.get("/status.xml")).body, self._name))

    def switch(self, relay: int, on: bool) -> None:
        """Request the page FFnn01 or FFnn00, which sets relay nn."""
        self._ok(self._client.command(f"/FF{relay:02d}{'01' if on else '00'}"))

    def pulse(self, relay: int, seconds: float) -> None:
        """Raise NotImplementedError: these boards time no pulses, and the options do not offer it."""
        raise NotImplementedError

    def _ok(self, answer: Answer) -> Answer:
        return require_ok(answer, self._name, has_password=self._client.has_password)


class Dingtian:
    """HTTP GET CGI: /relay_cgi.cgi with type 0 (switch), 1 (jogging, 1 to 255 tenths) or 2 (delay, seconds).

    Relays are counted from 0; public clients agree on types 1 and 2 (Power::Outlet::Dingtian, users of DT-R boards).
    Answers are fields between ampersands, the first a result that is 0 when it was done.
    """

    max_pulse_s = 65_535.0
    _SWITCH, _JOGGING, _DELAY = 0, 1, 2
    _MAX_TENTHS = 255

    def __init__(self, name: str, client: BoardClient) -> None:
        self._name, self._client = name, client
        self.is_open = not client.has_password

    def identify(self) -> DeviceInfo:
        """Count the relays, since the page names no model."""
        return DeviceInfo("Dingtian", f"{len(self.state(with_inputs=False).relays)}-channel relay board")

    def state(self, *, with_inputs: bool) -> State:  # noqa: ARG002
        """Read all relays from relay_cgi_load.cgi; raise DeviceGarbled for another page."""
        count, *rest = self._fields(self._client.get("/relay_cgi_load.cgi"), 2)
        if not 1 <= count <= 32 or len(rest) < count or set(rest[:count]) - {0, 1}:
            raise DeviceGarbled(f"relay_cgi_load.cgi of {self._name} is not a relay board's; check the option model")
        return State({number: value == 1 for number, value in enumerate(rest[:count], 1)})

    def switch(self, relay: int, on: bool) -> None:
        """Send the switch command to relay_cgi.cgi."""
        self._order(self._SWITCH, relay, on, 0)

    def pulse(self, relay: int, seconds: float) -> None:
        """Send a jogging command in tenths of a second, or a delay command in seconds for longer pulses."""
        tenths = max(1, round(seconds * 10))
        if tenths <= self._MAX_TENTHS:
            self._order(self._JOGGING, relay, True, tenths)
        else:
            self._order(self._DELAY, relay, True, math.ceil(seconds))

    def _order(self, kind: int, relay: int, on: bool, time: int) -> None:
        keys = {"type": str(kind), "relay": str(relay - 1), "on": str(int(on)), "time": str(time)}
        answer = self._client.command("/relay_cgi.cgi", keys | self._client.login_keys)
        try:
            self._fields(answer, 1)
        except DeviceGarbled as error:
            raise OutcomeUnknown(f"the command was sent, and its answer is unreadable: {error}") from error

    def _fields(self, answer: Answer, least: int) -> list[int]:
        body = require_ok(answer, self._name, has_password=self._client.has_password).body
        words = body.decode("ascii", "replace").strip().strip("&").split("&")
        if len(words) < least or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words[:100]):
            raise DeviceGarbled(
                f"{self._name} answers '{safe(body[:60].decode('ascii', 'replace'), 60)}', which is no answer of its "
                "CGI; switch HTTP GET CGI on in the board, and check the option model"
            )
        result, *rest = (int(word) for word in words[:100])
        if result != 0:
            raise DeviceRefused(
                f"{self._name} answers result {result} instead of 0; compare the relay password and "
                "the board's settings of HTTP GET CGI"
            )
        return rest

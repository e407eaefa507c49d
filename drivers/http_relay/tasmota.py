"""Tasmota: commands by web request, /cm?cmnd=… (tasmota.github.io/docs/Commands: Power, PulseTime, Status).

PulseTime 1 to 111 is tenths of a second, 112 and more are seconds and a hundred, 0 is none. It is kept by the board and
applies to every `Power On`, so that it is set before a release, and taken out before a relay is latched.
"""

import math
import re
from typing import Any

from devicemgr.domain.model import DeviceInfo
from devicemgr.errors import DeviceGarbled, DeviceRefused, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.client import read_json
from drivers.http_relay.boards import State
from drivers.http_relay.client import BoardClient

MAX_TENTHS, SECONDS_BASE, MAX_PULSE_TIME = 111, 100, 64_900
_POWER = re.compile(r"POWER([0-9]{0,2})")
_SWITCH = re.compile(r"Switch([0-9]{1,2})")
_SET = re.compile(r"([0-9]{1,5})\b")


def pulse_time(seconds: float) -> int:
    """Return the value of PulseTime; seconds are rounded up where the board has no tenths."""
    tenths = max(1, round(seconds * 10))
    return tenths if tenths <= MAX_TENTHS else min(math.ceil(seconds) + SECONDS_BASE, MAX_PULSE_TIME)


class Tasmota:
    """`Power1` is relay 1, `Switch1` is input 1."""

    max_pulse_s = float(MAX_PULSE_TIME - SECONDS_BASE)

    def __init__(self, name: str, client: BoardClient) -> None:
        self._name, self._client = name, client
        self.is_open = not client.has_password
        self._pulse_times: dict[int, int] = {}

    def identify(self) -> DeviceInfo:
        """Read the firmware version (Status 2), and forget the known pulse times."""
        self._pulse_times.clear()
        firmware = self._ask("Status 2").get("StatusFWR")
        version = firmware.get("Version") if isinstance(firmware, dict) else ""
        return DeviceInfo("Tasmota", "", safe(str(version or ""), 60))

    def state(self, *, with_inputs: bool) -> State:
        """Read relays (Status 11) and, if wanted, inputs (Status 10)."""
        reply = self._ask("Status 11").get("StatusSTS")
        relays = _states(reply, _POWER)
        sensors = self._ask("Status 10").get("StatusSNS") if with_inputs else {}
        return State(relays, _states(sensors, _SWITCH))

    def switch(self, relay: int, on: bool) -> None:
        """Switch a relay; before switching on, set its PulseTime to 0 so that it stays on."""
        if on:
            self._set_pulse_time(relay, 0)
        self._power(relay, on)

    def pulse(self, relay: int, seconds: float) -> None:
        """Set PulseTime, then switch on, so that the board ends the pulse."""
        self._set_pulse_time(relay, pulse_time(seconds))
        self._power(relay, True)

    def _set_pulse_time(self, relay: int, value: int) -> None:
        """Set it where it differs, and compare what the board reads back."""
        if self._pulse_times.get(relay) == value:
            return
        self._pulse_times.pop(relay, None)
        reply = self._ask(f"PulseTime{relay} {value}").get(f"PulseTime{relay}")
        found = reply.get("Set") if isinstance(reply, dict) else _number(reply)
        if found != value:
            raise DeviceRefused(
                f"{self._name} did not take PulseTime{relay} {value} (it says {safe(str(reply), 40)}); nothing was "
                "switched: update Tasmota"
            )
        self._pulse_times[relay] = value

    def _power(self, relay: int, on: bool) -> None:
        wanted = "ON" if on else "OFF"
        keys = {"cmnd": f"Power{relay} {wanted}"} | self._client.login_keys
        answer = self._client.command("/cm", keys)
        try:
            reply = self._result(answer.body, answer.status, keys["cmnd"])
        except DeviceGarbled as error:
            raise OutcomeUnknown(f"the command was sent, and the answer is unreadable: {error}") from error
        # A board with one relay calls it POWER.
        said = reply.get(f"POWER{relay}", reply.get("POWER") if relay == 1 else None)
        if said != wanted:
            raise DeviceRefused(f"{self._name} says {safe(str(reply), 60)} to {keys['cmnd']}; has it that relay?")

    def _ask(self, command: str) -> dict[str, Any]:
        answer = self._client.get("/cm", {"cmnd": command} | self._client.login_keys)
        return self._result(answer.body, answer.status, command)

    def _result(self, body: bytes, status: int, command: str) -> dict[str, Any]:
        if status != 200 and not body.lstrip().startswith(b"{"):
            raise DeviceRefused(f"{self._name} answers {status} to {command}; check the option model")
        reply = read_json(body)
        if "WARNING" in reply:
            # Before 8.2.3 Tasmota said so with status 200.
            said = "refuses the user name or password" if self._client.has_password else "asks for a password"
            raise DeviceRefused(f"{self._name} {said}; give both, and set the option allow_basic=true")
        if reply.get("Command") in ("Unknown", "Error"):
            raise DeviceRefused(f"{self._name} does not know {command}; check channel and relays, or update Tasmota")
        return reply


def _states(reply: object, name: re.Pattern[str]) -> dict[int, bool]:
    if not isinstance(reply, dict):
        raise DeviceGarbled("the board's status holds no states; update Tasmota, and check the option model")
    found = {}
    for key, value in reply.items():
        named = name.fullmatch(str(key))
        if named and value in ("ON", "OFF"):
            found[int(named[1] or 1)] = value == "ON"
    return found


def _number(reply: object) -> int | None:
    """Read `5 (Active 0)`, as firmware before 6.6 says it."""
    found = _SET.match(str(reply))
    return int(found[1]) if found else None

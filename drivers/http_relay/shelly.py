"""Shelly Gen2 and later: RPC over HTTP GET (shelly-api-docs.shelly.cloud/gen2, Switch, Input, Common Errors)."""

import json
from typing import Any

from devicemgr.domain.model import DeviceInfo
from devicemgr.errors import DeviceGarbled, DeviceLacks, DeviceRefused, NotYet, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.client import read_json
from drivers.common.http.transport import Answer
from drivers.http_relay.boards import State
from drivers.http_relay.client import BoardClient

# Common Errors of the documentation.
INVALID_ARGUMENT, DEADLINE, NOT_FOUND, EXHAUSTED, PRECONDITION, UNAVAILABLE = -103, -104, -105, -108, -109, -114
_NOT_NOW = frozenset({EXHAUSTED, UNAVAILABLE})
_ADVICE = {
    INVALID_ARGUMENT: "check the release seconds and pulse_seconds",
    NOT_FOUND: "check channel, relay_entry and relay_exit: relay 1 is switch:0",
    PRECONDITION: "look at its page: it protects itself (overload, heat), or the output is detached",
}


class Shelly:
    """`switch:0` is relay 1, `input:0` is input 1."""

    # The documentation names no limit of toggle_after; a day is far more than any release.
    max_pulse_s = 86_400.0

    def __init__(self, name: str, client: BoardClient) -> None:
        self._name, self._client = name, client
        self.is_open = not client.has_password
        self.silent_inputs: set[int] = set()

    def identify(self) -> DeviceInfo:
        """Read maker, model and firmware; raise DeviceRefused for a device older than generation 2."""
        reply = self._result(self._client.get("/rpc/Shelly.GetDeviceInfo"))
        generation = reply.get("gen")
        if not isinstance(generation, int) or generation < 2:
            raise DeviceRefused(f"{self._name} is no Shelly of generation 2 or later; check the option model")
        self.is_open = reply.get("auth_en") is False
        words = [safe(str(reply.get(key) or ""), 60) for key in ("model", "ver", "id")]
        return DeviceInfo("Shelly", *words)

    def state(self, *, with_inputs: bool) -> State:
        """Read outputs and inputs from Shelly.GetStatus, noting inputs without a state."""
        reply = self._result(self._client.get("/rpc/Shelly.GetStatus"))
        relays = {number: value for number, value in _states(reply, "switch", "output").items() if value is not None}
        inputs = _states(reply, "input", "state") if with_inputs else {}
        self.silent_inputs = {number for number, value in inputs.items() if value is None}
        return State(relays, {number: value for number, value in inputs.items() if value is not None})

    def switch(self, relay: int, on: bool) -> None:
        """Send Switch.Set, without a timer."""
        self._set({"id": relay - 1, "on": on})

    def pulse(self, relay: int, seconds: float) -> None:
        """Send Switch.Set with toggle_after, so that the board ends the pulse."""
        self._set({"id": relay - 1, "on": True, "toggle_after": seconds})

    def _set(self, params: dict[str, Any]) -> None:
        """By a POST frame, whose answer holds `result` or `error`."""
        frame = {"id": 1, "method": "Switch.Set", "params": params}
        answer = self._client.command("/rpc", body=json.dumps(frame).encode())
        try:
            reply = self._result(answer)
        except DeviceGarbled as error:
            raise OutcomeUnknown(f"the command was sent, and the answer is unreadable: {error}") from error
        result = reply.get("result")
        if not isinstance(result, dict) or not isinstance(result.get("was_on"), bool):
            raise OutcomeUnknown(f"{self._name} does not answer a switch as a Shelly does (was_on); look at the relay")

    def _result(self, answer: Answer) -> dict[str, Any]:
        reply = read_json(answer.body)
        error = reply.get("error")
        if answer.status == 200 and not isinstance(error, dict):
            return reply
        fault = error if isinstance(error, dict) else reply
        code, words = fault.get("code"), safe(str(fault.get("message") or ""), 120)
        if code in _NOT_NOW:
            raise NotYet(f"{self._name} can't do it now ({words or code})")
        if code == DEADLINE:
            raise OutcomeUnknown(f"{self._name} did not finish in time ({words or code}); look at the relay")
        if answer.status == 404 or code == 404:
            raise DeviceLacks(f"{self._name} has no such function ({words or code}); check the option model")
        advice = _ADVICE.get(code, "look at its page") if isinstance(code, int) else "look at its page"
        raise DeviceRefused(f"{self._name} refuses: {words or code}; {advice}")


def _states(reply: dict[str, Any], component: str, key: str) -> dict[int, bool | None]:
    found: dict[int, bool | None] = {}
    for number in range(32):
        part = reply.get(f"{component}:{number}")
        if isinstance(part, dict):
            value = part.get(key)
            found[number + 1] = value if isinstance(value, bool) else None
    return found

"""Relay boards and turnstiles in bytes."""

import json

from tests.contract.peers.base import COMMAND, READING, UNKNOWN
from tests.contract.peers.http_server import Asked, HttpPeer, reply
from tests.contract.peers.serial_line import SerialPeer


class ShellyPeer(HttpPeer):
    """A Shelly Plus Uni-like board: one relay, inputs 1 and 2.

    Bodies: shelly-api-docs.shelly.cloud/gen2, Shelly.GetDeviceInfo, Shelly.GetStatus, Switch.Set, and Common Errors
    for RESOURCE_EXHAUSTED (-108) and UNAVAILABLE (-114), which come with status 500; 503 is its web server's own.
    """

    options = {"model": "shelly", "channel": 1, "relay_entry": 1, "relay_exit": 1}
    unseen = {"fire_input": 3}
    missing, reported = "input 3", "only 1, 2"
    without = {UNKNOWN: "a relay board reports states by name, and has no event codes"}
    _BUSY = (
        reply(503),
        reply(500, b'{"code":-114,"message":"Service is temporarily unavailable"}'),
        reply(500, b'{"code":-108,"message":"Resource exhausted: too many requests"}'),
    )

    def __init__(self) -> None:
        super().__init__()
        self._is_on = False

    def rule_of(self, asked: Asked) -> str:
        if asked.method == "POST":
            return COMMAND if json.loads(asked.body)["params"]["on"] else ""
        return READING

    def busy_answer(self, asked: Asked) -> bytes:
        return self._BUSY[self.refused % len(self._BUSY)]

    def page(self, asked: Asked) -> bytes:
        if asked.target == "/rpc/Shelly.GetDeviceInfo":
            self.sessions += 1
            return reply(
                200,
                b'{"name":null,"id":"shellyplusuni-a8032abc7158","mac":"A8032ABC7158","model":"SNSN-0043X","gen":2,'
                b'"fw_id":"20231031-165617/1.0.8","ver":"1.0.8","app":"PlusUni","auth_en":true,"auth_domain":"x"}',
            )
        if asked.method == "POST":
            was_on, self._is_on = self._is_on, json.loads(asked.body)["params"]["on"]
            result = {"id": 1, "src": "shellyplusuni-a8032abc7158", "result": {"was_on": was_on}}
            return reply(200, json.dumps(result).encode())
        status = {
            "input:0": {"id": 0, "state": False},
            "input:1": {"id": 1, "state": False},
            "switch:0": {"id": 0, "source": "HTTP_in", "output": self._is_on, "temperature": {"tC": 53.2, "tF": 127.8}},
            "sys": {"uptime": 11081, "restart_required": False},
        }
        return reply(200, json.dumps(status).encode())


class NumatoPeer(SerialPeer):
    """An 8-channel USB relay module with 8 GPIOs: the command set of Numato Lab's user guide.

    Each line is echoed, and followed by its answer and the prompt; a number that it does not have is answered by the
    prompt alone.
    """

    options = {"model": "numato", "relay_entry": 1, "relay_exit": 1, "rex_input": 1}
    unseen = {"fire_input": 8}
    missing, reported = "input 8", "only 1;"
    without = {
        READING: "its command set has no answer that means not now",
        COMMAND: "its command set has no answer that means not now",
        UNKNOWN: "a relay board reports states by number, and has no event codes",
    }

    def __init__(self) -> None:
        self._relays = [False] * 8
        super().__init__()

    def cut(self, received: bytes) -> int:
        return received.find(b"\r") + 1

    def answer(self, request: bytes) -> bytes:
        words = request.decode("ascii", "replace").split()
        said = b""
        if words[:1] == ["relay"] and len(words) == 3 and words[2] in "01234567":
            number = int(words[2])
            if words[1] == "read":
                said = b"on\n\r" if self._relays[number] else b"off\n\r"
            else:
                self.opened += words[1] == "on"
                self._relays[number] = words[1] == "on"
        if words[:2] == ["gpio", "read"] and words[2:] == ["0"]:
            said = b"0\n\r"
        return request.rstrip(b"\r") + b"\n\r" + said + b">"

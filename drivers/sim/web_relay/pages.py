"""The pages of each maker's board, written from its public documentation; nothing is shared with the driver.

Shelly: shelly-api-docs.shelly.cloud/gen2. Tasmota: tasmota.github.io/docs/Commands. Dingtian: relay_cgi.cgi as in
Power::Outlet::Dingtian. Devantech: ETH008 manual (DOA, DOI). KMTronic: FFrrss and status.xml (Home Assistant).
"""

import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from drivers.sim.web_relay.board import SimulatedWebRelay

Page = tuple[int, str, bytes]
_POWER = re.compile(r"power([0-9]{0,2})(?: (on|off|1|0))?", re.IGNORECASE)
_PULSE = re.compile(r"pulsetime([0-9]{0,2})(?: ([0-9]+))?", re.IGNORECASE)


def shelly(board: "SimulatedWebRelay", method: str, target: str, body: bytes) -> Page:
    """RPC: GET /rpc/Method?…, or a POST frame to /rpc."""
    parts = urlsplit(target)
    if method == "POST" and parts.path == "/rpc":
        frame = json.loads(body)
        status, result = _shelly_call(board, frame["method"], frame.get("params", {}))
        key = "result" if status == 200 else "error"
        return _json(status, {"id": frame["id"], "src": "shellyplus2pm-a8032abe54dc", key: result})
    name = parts.path.removeprefix("/rpc/")
    params = {key: json.loads(values[0]) for key, values in parse_qs(parts.query).items()}
    return _json(*_shelly_call(board, name, params))


def _shelly_call(board: "SimulatedWebRelay", name: str, params: dict[str, object]) -> tuple[int, dict[str, object]]:
    if name == "Shelly.GetDeviceInfo":
        reply: dict[str, object] = {
            "name": None,
            "id": "shellyplus2pm-a8032abe54dc",
            "mac": "A8032ABE54DC",
            "model": "SNSW-102P16EU",
            "gen": 2,
            "fw_id": "20231107-164219/1.0.8-g",
            "ver": "1.0.8",
            "app": "Plus2PM",
            "auth_en": bool(board.password),
            "auth_domain": None,
        }
        return 200, reply
    if name == "Sys.GetStatus":
        return 200, {"mac": "A8032ABE54DC", "uptime": 1}
    if name == "Shelly.GetStatus":
        found: dict[str, object] = {"sys": {"uptime": 1}, "cloud": {"connected": False}}
        found |= {f"switch:{n - 1}": {"id": n - 1, "source": "init", "output": on} for n, on in board.relays.on.items()}
        found |= {f"input:{n - 1}": {"id": n - 1, "state": on} for n, on in board.inputs.items()}
        return 200, found
    if name == "Switch.Set":
        return _shelly_set(board, params)
    return 404, {"code": 404, "message": f"No handler for {name}"}


def _shelly_set(board: "SimulatedWebRelay", params: dict[str, object]) -> tuple[int, dict[str, object]]:
    if board.error is not None:
        return 500, {"code": board.error, "message": "Resource unavailable"}
    relay = int(str(params["id"])) + 1
    if relay not in board.relays.on:
        return 500, {"code": -105, "message": f"Argument 'id', value {relay - 1} not found!"}
    was = board.relays.on[relay]
    after = params.get("toggle_after")
    board.relays.switch(relay, bool(params["on"]), time.monotonic() + float(str(after)) if after else None)
    return 200, {"was_on": was}


def tasmota(board: "SimulatedWebRelay", _method: str, target: str, _body: bytes) -> Page:
    """Answer one command in `cmnd`, with user and password beside it."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
    if board.password and (query.get("user"), query.get("password")) != ("admin", board.password):
        return _json(board.refusal, {"WARNING": "Need user=<username>&password=<password>"})
    command = query.get("cmnd", "")
    return _json(200, _tasmota_does(board, command))


def _tasmota_does(board: "SimulatedWebRelay", command: str) -> dict[str, object]:
    states = {f"Switch{number}": "ON" if on else "OFF" for number, on in board.inputs.items()}
    statuses: dict[str, dict[str, object]] = {
        "status 2": {"StatusFWR": {"Version": "13.4.0(tasmota)", "Hardware": "ESP8266EX"}},
        "status 11": {"StatusSTS": {"Uptime": "0T00:00:10", **_powers(board)}},
        "status 10": {"StatusSNS": {"Time": "2026-11-30T00:00:00", **states}},
    }
    if command.lower() in statuses:
        return statuses[command.lower()]
    if found := _PULSE.fullmatch(command):
        relay = int(found[1] or 1)
        if found[2] is not None:
            board.pulse_times[relay] = board.forced_pulse_time or int(found[2])
        return {f"PulseTime{relay}": {"Set": board.pulse_times.get(relay, 0), "Remaining": 0}}
    if (found := _POWER.fullmatch(command)) and int(found[1] or 1) in board.relays.on:
        relay = int(found[1] or 1)
        if found[2]:
            on, value = found[2].lower() in ("on", "1"), board.pulse_times.get(relay, 0)
            seconds = value / 10 if value <= 111 else value - 100
            board.relays.switch(relay, on, time.monotonic() + seconds if on and value else None)
        name = "POWER" if len(board.relays.on) == 1 else f"POWER{relay}"
        return {name: "ON" if board.relays.on[relay] else "OFF"}
    return {"Command": "Unknown"}


def _powers(board: "SimulatedWebRelay") -> dict[str, str]:
    one = len(board.relays.on) == 1
    return {"POWER" if one else f"POWER{n}": "ON" if on else "OFF" for n, on in board.relays.on.items()}


def dingtian(board: "SimulatedWebRelay", _method: str, target: str, _body: bytes) -> Page:
    """Answer with fields between ampersands."""
    parts = urlsplit(target)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if parts.path == "/relay_cgi_load.cgi":
        states = "&".join(str(int(on)) for on in board.relays.on.values())
        return _text(f"&0&{len(board.relays.on)}&{states}&")
    if parts.path != "/relay_cgi.cgi":
        return 404, "text/plain", b""
    kind, index, on, given = (int(query[key]) for key in ("type", "relay", "on", "time"))
    if query.get("pwd", "0") != (board.password or "0"):
        return _text("&1&")
    if kind == 1 and not 0 < given < 256:
        return _text("&2&")
    seconds = {1: given / 10, 2: float(given)}.get(kind)
    board.relays.switch(index + 1, on == 1, None if seconds is None else time.monotonic() + seconds)
    return _text(f"&0&{kind}&{index}&{on}&{given}&")


def devantech(board: "SimulatedWebRelay", _method: str, target: str, _body: bytes) -> Page:
    """io.cgi?DOA1=50 and DOI1=0; status.xml."""
    parts = urlsplit(target)
    if parts.path == "/status.xml":
        return _xml(board, first=1)
    if parts.path != "/io.cgi":
        return 404, "text/plain", b""
    for key, values in parse_qs(parts.query).items():
        if found := re.fullmatch(r"DO([AI])([0-9]+)", key):
            tenths = int(values[0])
            board.relays.switch(int(found[2]), found[1] == "A", time.monotonic() + tenths / 10 if tenths else None)
    return _text("Success!")


def kmtronic(board: "SimulatedWebRelay", _method: str, target: str, _body: bytes) -> Page:
    """/FF0101 and status.xml, whose relay0 is none."""
    if target == "/status.xml":
        return _xml(board, first=0)
    if found := re.fullmatch(r"/FF(\d\d)(00|01)", target):
        board.relays.switch(int(found[1]), found[2] == "01")
        return _text("<html>relays</html>")
    return 404, "text/plain", b""


def _xml(board: "SimulatedWebRelay", first: int) -> Page:
    states = ({0: False} if first == 0 else {}) | board.relays.on
    inside = "".join(f"<relay{number}>{int(on)}</relay{number}>" for number, on in states.items())
    return 200, "text/xml", f"<response>{inside}</response>".encode()


def _json(status: int, reply: dict[str, object]) -> Page:
    return status, "application/json", json.dumps(reply).encode()


def _text(text: str) -> Page:
    return 200, "text/plain", text.encode()


PAGES = {"shelly": shelly, "tasmota": tasmota, "dingtian": dingtian, "devantech": devantech, "kmtronic": kmtronic}
# Those that ask for Basic before any page.
BASIC = frozenset({"devantech", "kmtronic"})

"""`devicemgr sim onvif`: commands as lines on standard input, JSON lines on standard output."""

import json
from collections.abc import Sequence
from contextlib import ExitStack

from devicemgr.domain.model import JsonValue
from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event
from drivers.sim.onvif.simulator import CAMERA, DOOR, SimulatedOnvif
from drivers.sim.onvif.soap import SoapFault
from drivers.sim.onvif.state import User

KINDS = {"camera": CAMERA, "door": DOOR, "both": (*CAMERA, "tdc", "tac")}
_QUIET = {"request", "snapshot", "streaming", "probed"}
_WORDS = (
    "fault NAME VALUE · reboot · press TOKEN · release TOKEN · door TOKEN PROPERTY VALUE · "
    "card POINT TOPIC K=V… · state"
)


def obey(device: SimulatedOnvif, line: str) -> None:
    """Carry out one command; raise InvalidInput, with a list of commands, for an unknown one."""
    words = line.split()
    match words:
        case ["fault", name, *rest]:
            device.faults.put(name, _value(" ".join(rest)))
            device.events.add("fault", name=name, value=" ".join(rest))
        case ["reboot"]:
            device.reboot()
        case ["press", token]:
            device.set_input(token, True)
        case ["release", token]:
            device.set_input(token, False)
        case ["door", token, name, value] if name in ("mode", "physical", "lock", "alarm", "tamper", "fault"):
            device.set_door(token, **{name: value})
        case ["card", point, topic, *pairs] if all("=" in pair for pair in pairs):
            device.card(point, topic, **dict(pair.split("=", 1) for pair in pairs))
        case ["state"]:
            device.events.add("state", **_shown(device))
        case _:
            raise InvalidInput(f"commands are: {_WORDS}")


def _value(text: str) -> JsonValue:
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        return text
    return found


def _shown(device: SimulatedOnvif) -> dict[str, JsonValue]:
    state = device.state
    return {
        "writes": device.writes,
        "hostname": state.hostname,
        "ntp": [*state.ntp],
        "timezone": state.timezone,
        "https": state.protocols["HTTPS"][0],
        "osds": {osd.token: osd.text or osd.kind for osd in state.osds},
        "users": [*sorted(state.users)],
        "boot": device.hub.boot,
        "subscriptions": device.hub.count,
        "discovery": state.discovery,
        "relays": {relay.token: relay.active for relay in state.relays},
        "doors": {door.token: door.mode for door in state.doors},
        "encoders": {e.token: f"{e.encoding} {e.width}x{e.height}@{e.fps:g} gop {e.gop}" for e in state.encoders},
    }


def run(
    kind: str,
    places: Sequence[tuple[str, int]],
    auth: str,
    credentials: tuple[str, str],
    *,
    discovery: bool,
    talkative: bool,
) -> None:
    """Serve a device at each place (host, port) until SIGTERM or SIGINT; a command goes to `NUMBER:` or to all."""
    with ExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        devices = []
        for number, (host, port) in enumerate(places, 1):
            made = SimulatedOnvif(
                KINDS[kind],
                host,
                port,
                auth=auth,
                discovery_port=3702 if discovery else None,
                on_event=_Printer(number, talkative),
            )
            made.state.users = {credentials[0]: User(credentials[1])}
            made.state.hostname, made.state.serial = f"sim-{number}", f"SIM{number:04d}"
            devices.append(stack.enter_context(made))
            print_line({"event": "ready", "device": number, "kind": kind, "address": made.address})
        serve(stop, lambda line: _obey_all(devices, line))


def _obey_all(devices: list[SimulatedOnvif], line: str) -> None:
    number, colon, rest = line.partition(":")
    single = bool(colon) and number.strip().isdigit() and 1 <= int(number) <= len(devices)
    for device in [devices[int(number) - 1]] if single else devices:
        try:
            obey(device, rest if single else line)
        except SoapFault as fault:
            raise InvalidInput(f"the device has no such thing: {fault}") from fault


class _Printer:
    def __init__(self, number: int, talkative: bool) -> None:
        self._number, self._talkative = number, talkative

    def __call__(self, event: Event) -> None:
        if self._talkative or event["event"] not in _QUIET:
            print_line({"device": self._number, **event})

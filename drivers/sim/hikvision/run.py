"""`devicemgr sim hikvision`: the simulated terminal as a process; lines on standard input make things happen."""

import sys
import threading
from collections.abc import Callable
from datetime import timedelta

from devicemgr.text import safe
from drivers.sim.base.command import print_line, stop_signals
from drivers.sim.base.events import Event
from drivers.sim.hikvision.refusals import REFUSALS
from drivers.sim.hikvision.server import SimulatedHikvision

_CODES = {
    "forced": 0x1B,
    "held": 0x1C,
    "rex": 0x17,
    "tailgate": 0x85,
    "reverse": 0x86,
    "climb": 0x88,
    "intrusion": 0x8A,
    "obstructed": 0x8C,
}
HELP = (
    "someone BADGE | stranger | card NUMBER | code MINOR BADGE | alarm "
    + "|".join(_CODES)
    + " | event MAJOR MINOR | fire on|off | tamper on|off | "
    "stored N | skew SECONDS | busy N | refuse PART SUBSTATUS | full | lock SECONDS | drop | lose N | silent on|off | "
    "lacks PART | forget | state"
)


def run(device: SimulatedHikvision) -> None:
    """Serve until SIGTERM, SIGINT; a JSON line when ready, then one an event. Standard input may end at any time."""
    with stop_signals() as stop, device:
        print_line({"event": "ready", "kind": "hikvision", "address": device.address})
        threading.Thread(target=_read, args=(device,), daemon=True).start()
        stop.wait()


def print_event(event: Event) -> None:
    """Print an event, except for the many requests."""
    if event["event"] != "request":
        print_line(event)


def _read(device: SimulatedHikvision) -> None:
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            obey(device, words)
        except (KeyError, ValueError, IndexError):
            print_line({"event": "not_understood", "line": safe(line.strip(), 80), "help": HELP})


def obey(device: SimulatedHikvision, words: list[str]) -> None:
    """Carry out one command; raise KeyError, ValueError or IndexError for an unknown one."""
    terminal = device.terminal
    faults = terminal.faults
    commands: dict[str, Callable[[], object]] = {
        "someone": lambda: terminal.show_face(words[1]),
        "stranger": lambda: terminal.show_face(None),
        "card": lambda: terminal.show_card(words[1]),
        "code": lambda: terminal.show_code(int(words[1], 0), words[2]),
        "alarm": lambda: terminal.happen(_CODES[words[1]]),
        "fire": lambda: terminal.happen({"on": 0x34, "off": 0x35}[words[1]]),
        "event": lambda: terminal.happen(int(words[2], 0), major=int(words[1], 0)),
        "tamper": lambda: setattr(terminal, "tampered", _on(words[1])),
        "stored": lambda: [terminal.add_event(0x4C, currentVerifyMode="face") for _ in range(int(words[1]))],
        "skew": lambda: setattr(terminal, "skew", timedelta(seconds=float(words[1]))),
        "busy": lambda: setattr(faults, "busy", int(words[1])),
        "lose": lambda: setattr(faults, "drop_answers", int(words[1])),
        "silent": lambda: setattr(faults, "silent_push", _on(words[1])),
        "refuse": lambda: faults.refusals.append((words[1], _known_refusal(words[2]))),
        "full": lambda: setattr(terminal, "capacity", len(terminal.users)),
        "lock": lambda: device.lock(float(words[1])),
        "state": terminal.tell_state,
        "lacks": lambda: faults.unsupported.add(words[1]),
        "drop": device.drop_connections,
        "forget": terminal.forget_events,
    }
    commands[words[0]]()


def _known_refusal(sub: str) -> str:
    REFUSALS[sub]
    return sub


def _on(word: str) -> bool:
    return {"on": True, "off": False}[word]

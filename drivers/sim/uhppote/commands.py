"""`devicemgr sim uhppote` as a command: lines on standard input make things happen, JSON lines tell what did."""

import struct
import sys
import threading

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, stop_signals
from drivers.sim.base.events import Event
from drivers.sim.uhppote import memory
from drivers.sim.uhppote.controller import Faults, SimulatedUhppote, bcd

_COMMANDS = (
    "card NUMBER DOOR · button DOOR · door DOOR open|close|force|hold · fire on|off · reboot · "
    "fault silent|garbage|wrong_serial|deaf|mute on|off · fault late SECONDS · fault drop_next N · state"
)


def obey(sim: SimulatedUhppote, line: str) -> None:
    """Carry out one command; raise InvalidInput, with a list of commands, for an unknown one."""
    match line.split():
        case ["card", number, door] if number.isdigit() and door in "1234":
            sim.swipe(int(number), int(door))
        case ["button", door] if door in "1234":
            sim.press(int(door))
        case ["door", door, "open" | "close" as how] if door in "1234":
            sim.contact(int(door), is_open=how == "open")
        case ["door", door, "force" | "hold" as how] if door in "1234":
            sim.happens(memory.ALARM, int(door), 38 if how == "force" else 37)
        case ["fire", "on" | "off" as how]:
            sim.fire = how == "on"
        case ["reboot"]:
            sim.reboot()
        case ["fault", name, value]:
            _set_fault(sim.faults, name, value)
        case ["state"]:
            sim.events.add("state", cards=[*sim.card_numbers()], events=sim.memory.newest)
        case _:
            raise InvalidInput(f"commands are: {_COMMANDS}")


def _set_fault(faults: Faults, name: str, value: str) -> None:
    if name in ("silent", "garbage", "wrong_serial", "deaf", "mute") and value in ("on", "off"):
        setattr(faults, name, value == "on")
    elif name == "late" and value.replace(".", "", 1).isdigit():
        faults.late = float(value)
    elif name == "drop_next" and value.isdigit():
        faults.drop_next = int(value)
    else:
        raise InvalidInput(f"commands are: {_COMMANDS}")


def run(serial: int, host: str, port: int, cards: list[int]) -> None:
    """Serve until SIGTERM or SIGINT; commands on standard input, JSON lines on standard output."""
    sim = SimulatedUhppote(serial, (host, port), on_event=_print_event)
    for card in cards:
        sim.memory.cards.append((card, struct.pack("<I", card) + bcd("2000010120991231") + b"\1\1\1\1" + bytes(4)))
    with stop_signals() as stop, sim:
        print_line({"event": "ready", "kind": "uhppote", "address": sim.address, "controller": serial})
        threading.Thread(target=_read_commands, args=(sim,), daemon=True).start()
        stop.wait()


def _read_commands(sim: SimulatedUhppote) -> None:
    for line in sys.stdin:
        try:
            obey(sim, line)
        except InvalidInput as error:
            print_line({"event": "error", "error": str(error)})


def _print_event(event: Event) -> None:
    # Polls are several a second and tell a person nothing.
    if event["event"] != "request":
        print_line(event)

"""`devicemgr sim zkteco-controller`: commands as lines on standard input, JSON lines on standard output."""

from datetime import timedelta

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.zkteco.controller import SimulatedController

_FLAGS = ("silent", "garbage", "big_table", "no_clock", "deaf_data")
_COUNTS = ("lost", "busy", "refuse", "stale")
_WORDS = (
    "card NUMBER [DOOR] · event CODE [DOOR] · remember COUNT · door N open|close · alarm DOOR BITS · skew SECONDS · "
    f"drop · state · fault {'|'.join(_FLAGS)} on|off · fault {'|'.join(_COUNTS)} N"
)


def obey(sim: SimulatedController, line: str) -> None:
    """Carry out one command; raise InvalidInput, with a list of commands, for an unknown one."""
    try:
        _obey(sim, line.split())
    except (ValueError, IndexError) as error:
        raise InvalidInput(f"commands are: {_WORDS}") from error


def _obey(sim: SimulatedController, words: list[str]) -> None:
    match words:
        case ["card", number, *door] if len(door) <= 1:
            sim.swipe(int(number), _door(door))
        case ["event", code, *door] if len(door) <= 1:
            sim.happens(int(code), _door(door))
        case ["remember", count]:
            for second in range(min(int(count), 2000), 0, -1):
                sim.happens(27, card=1, age=float(second), only_memory=True)
        case ["door", number, ("open" | "close") as how]:
            sim.contacts[int(number) - 1] = 2 if how == "open" else 1
        case ["alarm", door, bits]:
            sim.alarms[int(door) - 1] = int(bits, 2) & 3
        case _:
            _obey_service(sim, words)


def _obey_service(sim: SimulatedController, words: list[str]) -> None:
    match words:
        case ["skew", seconds]:
            sim.skew = timedelta(seconds=float(seconds))
        case ["drop"]:
            sim.drop()
        case ["state"]:
            sim.events.add("state", **{name: len(rows) for name, rows in sim.rows.items()})
        case ["fault", name, ("on" | "off") as how] if name in _FLAGS:
            setattr(sim.faults, name, how == "on")
        case ["fault", name, number] if name in _COUNTS:
            setattr(sim.faults, name, int(number))
        case _:
            raise InvalidInput(f"commands are: {_WORDS}")


def _door(words: list[str]) -> int:
    return int(words[0]) if words else 1


def run(sim: SimulatedController) -> None:
    """Serve until SIGTERM or SIGINT."""
    with stop_signals() as stop, sim:
        print_line({"event": "ready", "kind": "zkteco-controller", "address": sim.address, "serial": sim.serial})
        serve(stop, lambda line: obey(sim, line))

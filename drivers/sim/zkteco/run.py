"""`devicemgr sim zkteco`: commands as lines on standard input, JSON lines on standard output."""

from datetime import timedelta

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event
from drivers.sim.zkteco.terminal import SimulatedZkteco

_QUIET = {"state sent", "uploaded", "command"}
_WORDS = (
    "person PIN [DOOR] · stranger [DOOR] · card NUMBER [DOOR] · event CODE [DOOR] · remember COUNT · "
    "door N open|close · alarm DOOR BITS · skew SECONDS · restart · clear · state · "
    "fault offline|deaf|mute on|off · fault busy N · "
    "fault refuse RESULT"
)


def obey(sim: SimulatedZkteco, line: str) -> None:
    """Carry out one command; raise InvalidInput, with a list of commands, for an unknown one."""
    try:
        _obey(sim, line.split())
    except ValueError as error:
        raise InvalidInput(f"commands are: {_WORDS}") from error


def _obey(sim: SimulatedZkteco, words: list[str]) -> None:
    match words:
        case ["person", pin, *door] if len(door) <= 1:
            sim.person(pin, _door(door))
        case ["stranger", *door] if len(door) <= 1:
            sim.happens(27, _door(door), verify="15")
        case ["card", number, *door] if len(door) <= 1:
            sim.happens(27, _door(door), verify="4", card=str(int(number)))
        case ["event", code, *door] if len(door) <= 1:
            sim.happens(int(code), _door(door))
        case ["remember", count]:
            for second in range(min(int(count), 10_000), 0, -1):
                sim.happens(27, verify="15", age=float(second))
        case ["door", number, ("open" | "close") as how]:
            (sim.open_doors.add if how == "open" else sim.open_doors.discard)(int(number))
            sim.happens(200 if how == "open" else 201, int(number))
            sim.report_state()
        case ["alarm", door, bits]:
            sim.alarm[int(door) - 1] = int(bits, 2) & 255
            sim.report_state()
        case _:
            _obey_service(sim, words)


def _door(words: list[str]) -> int:
    return int(words[0]) if words else 1


def _obey_service(sim: SimulatedZkteco, words: list[str]) -> None:
    match words:
        case ["skew", seconds]:
            sim.skew = timedelta(seconds=float(seconds))
            sim.report_state()
        case ["restart"]:
            sim.restart()
        case ["clear"]:
            sim.clear_memory()
        case ["state"]:
            tables = sim.tables
            sim.events.add(
                "state",
                people=len(tables.user),
                rights=len(tables.userauthorize),
                faces=len(tables.biophoto),
                records=len(tables.transaction),
            )
        case ["fault", ("offline" | "deaf" | "mute") as name, ("on" | "off") as how]:
            setattr(sim.faults, name, how == "on")
        case ["fault", ("busy" | "refuse") as name, number]:
            setattr(sim.faults, name, int(number))
        case _:
            raise InvalidInput(f"commands are: {_WORDS}")


def run(
    serial: str, server: tuple[str, int], *, doors: int, several_cards: bool, attendance: bool, talkative: bool
) -> None:
    """Call the server until SIGTERM or SIGINT."""

    def show(event: Event) -> None:
        if talkative or event["event"] not in _QUIET:
            print_line(event)

    sim = SimulatedZkteco(
        serial, server, doors=doors, several_cards=several_cards, attendance=attendance, on_event=show
    )
    with stop_signals() as stop, sim:
        print_line({"event": "ready", "kind": "zkteco", "serial": serial, "server": f"{server[0]}:{server[1]}"})
        serve(stop, lambda line: obey(sim, line))

"""`devicemgr sim dahua`: commands as lines on standard input, JSON lines on standard output."""

import time
from datetime import timedelta

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, serve, stop_signals
from drivers.sim.base.events import Event
from drivers.sim.dahua.console import ALARMS, SimulatedDahua

_QUIET = {"request"}
_WORDS = (
    "someone USERID [DOOR] · stranger [DOOR] · card HEX [DOOR] · door N open|close · alarm CODE [DOOR] · "
    "remember COUNT · fault NAME [TIMES] · skew SECONDS · full · locked yes|no · deflate on|off · lose · forget · state"
)


def obey(console: SimulatedDahua, line: str) -> None:
    """Carry out one command; raise InvalidInput, with a list of commands, for an unknown one."""
    try:
        _obey(console, line.split())
    except ValueError as error:
        raise InvalidInput(f"commands are: {_WORDS}") from error


def _obey(console: SimulatedDahua, words: list[str]) -> None:
    match words:
        case ["someone", user, *door] if len(door) <= 1:
            # Whose face it was not given is a stranger to it.
            console.someone(user if user in console.people.faces else "", *map(int, door))
        case ["stranger", *door] if len(door) <= 1:
            console.stranger(*map(int, door))
        case ["card", number, *door] if len(door) <= 1:
            console.card(number, *map(int, door))
        case ["door", number, state]:
            console.door(int(number), state)
        case ["alarm", code, *door] if code in ALARMS and len(door) <= 1:
            console.alarm(code, "Start", *map(int, door))
        case ["fault", name, *times] if len(times) <= 1:
            console.faults.put(name, *map(int, times))
        case _:
            _obey_memory(console, words)


def _obey_memory(console: SimulatedDahua, words: list[str]) -> None:
    match words:
        case ["remember", count]:
            console.remember(int(count), int(time.time()) - int(count))
        case ["skew", seconds]:
            console.skew = timedelta(seconds=float(seconds))
        case ["full"]:
            console.people.capacity = len(console.people.users)
        case ["locked", ("yes" | "no") as locked]:
            console.doorkeeper.locked = locked == "yes"
        case ["deflate", ("on" | "off") as word]:
            console.deflate_pushes = word == "on"
        case ["lose"]:
            console.server.drop_connections()
        case ["forget"]:
            console.records.forget()
        case ["state"]:
            people = console.people
            console.events.add(
                "state",
                users=len(people.users),
                cards=len(people.cards),
                faces=len(people.faces),
                records=len(console.records),
                listeners=console.streams.listeners,
                config=dict(console.cgis.config),
            )
        case _:
            raise InvalidInput(f"commands are: {_WORDS}")


def run(
    host: str, port: int, credentials: tuple[str, str], *, legacy: bool, doors: int, capacity: int, talkative: bool
) -> None:
    """Serve until SIGTERM or SIGINT."""

    def tell(event: Event) -> None:
        # Each request begins without a password, to be challenged.
        if talkative or (event["event"] not in _QUIET and event.get("why") != "no digest"):
            print_line(event)

    console = SimulatedDahua(host, port, credentials, legacy=legacy, doors=doors, capacity=capacity, on_event=tell)
    with stop_signals() as stop, console:
        print_line({"event": "ready", "kind": "dahua", "address": console.address})
        serve(stop, lambda line: obey(console, line))

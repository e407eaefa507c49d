"""Faults on demand: from the start, every so often, or once on a command; each reports that it happened."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Collection

from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.sim.base.events import EventLog

MESSAGE_FAULTS = {
    "silence": "a request is not answered",
    "garbage": "an answer is noise",
    "wrong-unit": "an answer comes from another unit",
    "late-ack": "a command is carried out and confirmed too late",
    "lost-ack": "a command is carried out and never confirmed",
}
BODY_FAULTS = {
    "unplug": "the cable is pulled, and put back 1 s later as another port",
    "stuck-arm": "the arm stops half-way until `clear`",
    "power-loss": "no power for 2 s",
}
FAULTS = MESSAGE_FAULTS | BODY_FAULTS

UNPLUGGED_S, POWERLESS_S = 1.0, 2.0

_WRITTEN = re.compile(r"([a-z-]+)(?::every ?([1-9][0-9]{0,5}))?")


class Plan:
    """Which faults are due. Any thread arms it; the device's own asks."""

    def __init__(self, log: EventLog, able: Collection[str] = tuple(FAULTS)) -> None:
        self._log = log
        self._able = able
        self._lock = threading.Lock()
        self._once: Counter[str] = Counter()
        self._every: dict[str, int] = {}
        self._seen: Counter[str] = Counter()
        self.on_clear: Callable[[], None] = lambda: None

    def stand(self, written: str) -> None:
        """Set a fault for good, or each fifth time (`silence:every 5`); raise InvalidInput for one unknown here."""
        name, every = self._read(written)
        with self._lock:
            self._every[name] = every or 1

    def once(self, written: str) -> str:
        """Plan a fault for the next time, or as `stand` if the text says how often; return the fault's name."""
        name, every = self._read(written)
        with self._lock:
            if every:
                self._every[name] = every
            else:
                self._once[name] += 1
        return name

    def clear(self) -> None:
        """End all faults; an arm that is stuck turns."""
        with self._lock:
            self._once.clear()
            self._every.clear()
        self.on_clear()

    def due(self, name: str) -> bool:
        """Return True if this fault happens now; then it is logged and counted."""
        with self._lock:
            every = self._every.get(name)
            self._seen[name] += every is not None
            happens = self._once[name] > 0
            if happens:
                self._once[name] -= 1
            elif every:
                happens = self._seen[name] % every == 0
        if happens:
            self._log.add("fault", fault=name)
        return happens

    def _read(self, written: str) -> tuple[str, int | None]:
        found = _WRITTEN.fullmatch(written.strip())
        if found is None or found[1] not in self._able:
            can = ", ".join(sorted(self._able))
            raise InvalidInput(f"no fault '{safe(written, 40)}' here; one of {can}, each also as NAME:every N")
        return found[1], int(found[2]) if found[2] else None


def obey(plan: Plan, line: str) -> str | None:
    """Carry out `fault NAME`, `fault NAME:every N` or `clear` and return the fault; raise InvalidInput otherwise."""
    verb, _, rest = line.strip().partition(" ")
    match verb:
        case "":
            return None
        case "fault":
            return plan.once(rest)
        case "clear":
            plan.clear()
            return None
        case _:
            raise InvalidInput(f"unknown command '{safe(verb, 40)}'; type fault NAME, fault NAME:every N, or clear")

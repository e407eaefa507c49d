"""The command line of `devicemgr sim osdp`: commands on standard input, JSON lines out."""

import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, stop_signals
from drivers.sim.osdp.readers import INPUTS, ReaderUnit, SimulatedReaders

HELP = (
    "card HEX[:BITS], keys 1234#, tamper on|off, input N on|off, silence [off], busy N, wrong-key, right-key, "
    "unplug SECONDS"
)
WRONG_KEY = bytes.fromhex("5ad1e8037cb94f2690c31f6e84a7d25b")
MAX_UNPLUGGED = 3600.0
MAX_BUSY = 1000

_CARD = re.compile(r"((?:[0-9A-Fa-f]{2}){1,16})(?::([0-9]{1,3}))?")
_KEYS = re.compile(r"[0-9*#]{1,16}")


class Console:
    """Carries out lines typed for one reader; InvalidInput says what may be typed."""

    def __init__(self, readers: SimulatedReaders, unit: int) -> None:
        self._readers = readers
        self._unit = unit
        self._key = readers.units[unit].key
        self._verbs: dict[str, Callable[[list[str]], None]] = {
            "card": self._card,
            "keys": self._keys,
            "tamper": self._tamper,
            "input": self._input,
            "silence": self._silence,
            "busy": self._busy,
            "wrong-key": self._wrong_key,
            "right-key": self._right_key,
            "unplug": self._unplug,
        }

    def obey(self, line: str) -> None:
        """Carry out one command; an empty line does nothing."""
        words = line.split()
        if not words:
            return
        act = self._verbs.get(words[0])
        if act is None:
            raise InvalidInput(f"unknown command; type one of: {HELP}")
        try:
            act(words[1:])
        except (ValueError, IndexError) as error:
            raise InvalidInput(f"{words[0]}: not like that; type: {HELP}") from error

    def _card(self, words: list[str]) -> None:
        found = _CARD.fullmatch(words[0])
        if found is None:
            raise ValueError(words[0])
        data = bytes.fromhex(found[1])
        bits = int(found[2] or 8 * len(data))
        if not 1 <= bits <= 8 * len(data):
            raise ValueError(bits)
        self._readers.do(lambda: self._reader.card(data, bits))

    def _keys(self, words: list[str]) -> None:
        if not _KEYS.fullmatch(words[0]):
            raise ValueError
        self._readers.do(lambda: self._reader.keys(words[0]))

    def _tamper(self, words: list[str]) -> None:
        on = _is_on(words[0])
        self._readers.do(lambda: self._reader.tamper(on))

    def _input(self, words: list[str]) -> None:
        number, on = int(words[0]), _is_on(words[1])
        if not 1 <= number <= INPUTS:
            raise ValueError(number)
        self._readers.do(lambda: self._reader.input(number, on))

    def _silence(self, words: list[str]) -> None:
        self._reader.faults.silent = not words or _is_on(words[0])

    def _busy(self, words: list[str]) -> None:
        count = int(words[0])
        if not 0 <= count <= MAX_BUSY:
            raise ValueError(count)
        self._reader.faults.busy = count

    def _wrong_key(self, _: list[str]) -> None:
        self._key = self._reader.key or self._key
        self._readers.set_key(self._unit, WRONG_KEY)

    def _right_key(self, _: list[str]) -> None:
        self._readers.set_key(self._unit, self._key)

    def _unplug(self, words: list[str]) -> None:
        seconds = float(words[0])
        if not 0 < seconds <= MAX_UNPLUGGED:
            raise ValueError(seconds)
        self._readers.unplug()
        time.sleep(seconds)
        self._readers.replug()

    @property
    def _reader(self) -> ReaderUnit:
        return self._readers.units[self._unit]


def _is_on(word: str) -> bool:
    if word not in {"on", "off"}:
        raise ValueError(word)
    return word == "on"


def run(link: Path | None, listen: str | None, unit: int, key: bytes | None) -> None:
    """Serve until SIGTERM or SIGINT; the first line tells the address, then one line for each thing received."""
    readers = SimulatedReaders({unit: key}, link, listen, on_event=print_line)
    with stop_signals() as stop, readers:
        print_line({"event": "ready", "kind": "osdp", "path": readers.path, "unit": unit, "install": key is None})
        # Reading standard input can't be interrupted; the thread ends with the process.
        threading.Thread(target=_listen, args=(Console(readers, unit), stop), daemon=True).start()
        stop.wait()


def _listen(console: Console, stop: threading.Event) -> None:
    for line in sys.stdin:
        if stop.is_set():
            return
        try:
            console.obey(line)
        except InvalidInput as error:
            print_line({"event": "error", "message": str(error)})

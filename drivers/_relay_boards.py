"""What USB relay boards say on the wire (DEVICE_FACTS, USB relays). Relays are counted from 1 here.

lcus      A0 relay 00|01 sum        no answer; some answer FF with lines such as "CH1:ON"
kmtronic  FF relay 00|01            no answer; FF relay 03 -> FF relay 00|01; 4 and 8 relays: FF 09 00 -> all states
numato    "relay on 0\\r"            echo and a prompt; "relay read 0\\r" -> echo, "on" or "off", prompt
"""

import re
import time
from collections.abc import Callable
from typing import Protocol

from drivers._line import Line

ANSWER_SECONDS = 0.3
MOST_HEARD = 256
SILENCE_SECONDS = 0.03


class Board(Protocol):
    """One model's messages; `confirms` tells whether state() can prove a switch(), `most` the highest relay."""

    confirms: bool
    most: int

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send the order."""

    def state(self, line: Line, relay: int) -> bool | None:
        """On or off as the board says; None when it does not say."""


class Lcus:
    """The sum is the low byte of the three before it."""

    confirms = False
    most = 32

    def switch(self, line: Line, relay: int, on: bool) -> None:
        order = bytes([0xA0, relay, on])
        line.write(order + bytes([sum(order) & 0xFF]))

    def state(self, line: Line, relay: int) -> bool | None:
        found = _ask(line, b"\xff", re.compile(rb"CH%d: ?(ON|OFF)\b" % relay))
        return None if found is None else found[1] == b"ON"


class KmTronic:
    """Boards with one or two relays tell each by itself, bigger ones only all at once."""

    confirms = True
    most = 8

    def __init__(self) -> None:
        self._all_at_once = False

    def switch(self, line: Line, relay: int, on: bool) -> None:
        line.write(bytes([0xFF, relay, on]))

    def state(self, line: Line, relay: int) -> bool | None:
        if not self._all_at_once and relay <= 2:
            found = _ask(line, bytes([0xFF, relay, 0x03]), re.compile(rb"\xff[%c]([\x00\x01])" % relay))
            if found is not None:
                return found[1] == b"\x01"
        found = _ask(line, b"\xff\x09\x00", re.compile(rb"^([\x00\x01]{8}|[\x00\x01]{4})$"), last=True)
        if found is None or relay > len(found[1]):
            return None
        self._all_at_once = True
        return found[1][relay - 1] == 1


class Numato:
    """Relays counted from 0 in one character: 0-9, then A-V in upper case."""

    confirms = True
    most = 32

    def switch(self, line: Line, relay: int, on: bool) -> None:
        line.write(b"relay %s %s\r" % (b"on" if on else b"off", _numato_index(relay)))

    def state(self, line: Line, relay: int) -> bool | None:
        index = _numato_index(relay)
        found = _ask(line, b"relay read %s\r" % index, re.compile(rb"relay read %s\s+(on|off)\s" % index))
        return None if found is None else found[1] == b"on"


BOARDS: dict[str, Callable[[], Board]] = {"lcus": Lcus, "kmtronic": KmTronic, "numato": Numato}


def _numato_index(relay: int) -> bytes:
    return b"0123456789ABCDEFGHIJKLMNOPQRSTUV"[relay - 1 : relay]


def _ask(line: Line, query: bytes, answer: re.Pattern[bytes], last: bool = False) -> re.Match[bytes] | None:
    """The answer to `query`, or None; `last` waits for the line to fall silent, for answers that tell no length."""
    line.discard()
    line.write(query)
    deadline = time.monotonic() + ANSWER_SECONDS
    heard = b""
    while (left := deadline - time.monotonic()) > 0:
        more = line.read(MOST_HEARD, min(left, SILENCE_SECONDS) if last and heard else left)
        heard = (heard + more)[-MOST_HEARD:]
        if (found := answer.search(heard)) and not (last and more):
            return found
    return None

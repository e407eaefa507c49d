r"""Bytes of USB relay boards (DEVICE_FACTS, USB relays). Relays are counted from 1 here.

lcus      A0 relay 00|01 sum        no answer; some answer FF with lines such as "CH1:ON"
kmtronic  FF relay 00|01            no answer; FF relay 03 -> FF relay 00|01; 4 and 8 relays: FF 09 00 -> all states.
                                  The answer equals the order, so on a line that echoes, only what follows the echo
                                  of the question counts
numato    "relay on 0\r"            echo and a prompt; "relay read 0\r" -> echo, "on" or "off", prompt
          "gpio read 0\r"           echo, "1" or "0", prompt
devantech 64+relay on, 6E+relay off  no answer; 5A -> module and version, 5B -> one byte, a bit for each relay
"""

import re
import time
from collections.abc import Callable
from typing import Protocol

from drivers.common.serial.framing import GARBAGE, MORE, Measure, cut
from drivers.common.serial.line import Line

ANSWER_S = 0.3
MAX_RECEIVED_BYTES = 256
SILENCE_S = 0.03
# The echo of a question follows that of the order before it at once; USB adapters collect bytes for up to 16 ms.
ECHO_S = 0.06
MAX_TEXT = 64


class Board(Protocol):
    """One model's messages; `confirms` tells whether state() can prove a switch().

    `most` is the highest relay, `most_inputs` the highest input, 0 for boards without.
    """

    confirms: bool
    most: int
    most_inputs: int

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send the order."""

    def state(self, line: Line, relay: int) -> bool | None:
        """Read whether a relay is on; None when the board does not say."""

    def input(self, line: Line, number: int) -> bool | None:
        """Read whether an input is high; None if the board does not answer."""


class Lcus:
    """The sum is the low byte of the three before it."""

    confirms = False
    most = 32
    most_inputs = 0

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send the order A0 relay 01|00 with its sum."""
        order = bytes([0xA0, relay, on])
        line.write(order + bytes([sum(order) & 0xFF]))

    def state(self, line: Line, relay: int) -> bool | None:
        """Read the relay's line of the FF answer; None from boards that answer nothing."""
        found = _ask(line, b"\xff", _whole(b"CH", b"\n"), re.compile(rb"CH%d: ?(ON|OFF)\s" % relay))
        return None if found is None else found[1] == b"ON"

    def input(self, line: Line, number: int) -> bool | None:  # noqa: ARG002
        """Return None: these boards have no inputs."""
        return None


class KmTronic:
    """Boards with one or two relays tell each by itself, bigger ones only all at once."""

    confirms = True
    most = 8
    most_inputs = 0

    def __init__(self) -> None:
        self._all_at_once = False

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send the order FF relay 01|00."""
        line.write(bytes([0xFF, relay, on]))

    def state(self, line: Line, relay: int) -> bool | None:
        """Read one relay of a small board, or all states at once where the board answers FF 09 00."""
        if not self._all_at_once and relay <= 2:
            state = self._one_state(line, relay)
            if state is not None:
                return state
        states = _until_silent(line, b"\xff\x09\x00")
        if len(states) not in {4, 8} or set(states) - {0, 1} or relay > len(states):
            return None
        self._all_at_once = True
        return states[relay - 1] == 1

    def _one_state(self, line: Line, relay: int) -> bool | None:
        """Ask for one relay; what precedes the question's own echo is an echo of the order before, and dropped."""
        question = bytes([0xFF, relay, 0x03])
        line.discard()
        line.write(question)
        deadline = time.monotonic() + ANSWER_S
        received, state = bytearray(), None
        while (left := deadline - time.monotonic()) > 0:
            more = line.read(MAX_RECEIVED_BYTES, left if state is None else min(left, ECHO_S))
            if state is not None and not more:
                break
            received += more
            for frame in cut(received, _kmtronic_size, MAX_RECEIVED_BYTES):
                if frame == question:
                    state = None
                elif frame[1] == relay:
                    state = frame[2] == 1
        return state

    def input(self, line: Line, number: int) -> bool | None:  # noqa: ARG002
        """Return None: these boards have no inputs."""
        return None


class Numato:
    """Relays and inputs (GPIOs) are counted from 0 in one character: 0-9, then A-V in upper case."""

    confirms = True
    most = 32
    most_inputs = 8

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send "relay on|off N"."""
        line.write(b"relay %s %s\r" % (b"on" if on else b"off", _numato_index(relay)))

    def state(self, line: Line, relay: int) -> bool | None:
        """Read "relay read N"."""
        return self._read(line, b"relay read %s" % _numato_index(relay), b"on", b"off")

    def input(self, line: Line, number: int) -> bool | None:
        """Read "gpio read N"."""
        return self._read(line, b"gpio read %s" % _numato_index(number), b"1", b"0")

    def _read(self, line: Line, query: bytes, yes: bytes, no: bytes) -> bool | None:
        # Once more for each echo of the line: the board itself repeats the question once.
        answer = re.compile(rb"(?:%s\s+)+(%s|%s)\s" % (re.escape(query), yes, no))
        found = _ask(line, query + b"\r", _whole(query, b">"), answer)
        return None if found is None else found[1] == yes


class Devantech:
    """USB-RLY02, 08 and 16 (Devantech's technical documentation): single bytes, relays 1 to 8.

    The state is requested together with the module's number and version, so that three bytes must come: one byte
    alone cannot be distinguished from an echo of the request.
    """

    confirms = True
    most = 8
    most_inputs = 0

    def switch(self, line: Line, relay: int, on: bool) -> None:
        """Send one byte: 64h plus relay for on, 6Eh plus relay for off."""
        line.write(bytes([(0x64 if on else 0x6E) + relay]))

    def state(self, line: Line, relay: int) -> bool | None:
        """Read the state byte of 5Bh and take the relay's bit; None for an incomplete answer."""
        answer = _until_silent(line, b"\x5a\x5b")
        return bool(answer[2] >> (relay - 1) & 1) if len(answer) == 3 else None

    def input(self, line: Line, number: int) -> bool | None:  # noqa: ARG002
        """Return None: these boards have no inputs."""
        return None


BOARDS: dict[str, Callable[[], Board]] = {
    "lcus": Lcus,
    "kmtronic": KmTronic,
    "numato": Numato,
    "devantech": Devantech,
}


def _numato_index(relay: int) -> bytes:
    return b"0123456789ABCDEFGHIJKLMNOPQRSTUV"[relay - 1 : relay]


def _kmtronic_size(rest: bytes) -> int:
    if rest[0] != 0xFF:
        return GARBAGE
    return MORE if len(rest) < 3 else 3 if rest[2] in {0, 1, 3} else GARBAGE


def _whole(begin: bytes, end: bytes) -> Measure:
    """Measure text from `begin` to `end`, of at most MAX_TEXT bytes."""

    def size(rest: bytes) -> int:
        if not rest.startswith(begin[: len(rest)]):
            return GARBAGE
        at = rest.find(end, 0, MAX_TEXT)
        return at + len(end) if at >= 0 else MORE if len(rest) < MAX_TEXT else GARBAGE

    return size


def _ask(line: Line, query: bytes, measure: Measure, answer: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """Send `query` and return the match of its answer; None if none came."""
    line.discard()
    line.write(query)
    deadline = time.monotonic() + ANSWER_S
    received = bytearray()
    while (left := deadline - time.monotonic()) > 0:
        received += line.read(MAX_RECEIVED_BYTES, left)
        for frame in cut(received, measure, MAX_RECEIVED_BYTES):
            if found := answer.match(frame):
                return found
    return None


def _until_silent(line: Line, query: bytes) -> bytes:
    """Read until the line falls silent, for answers that have neither beginning nor length."""
    line.discard()
    line.write(query)
    deadline = time.monotonic() + ANSWER_S
    received = b""
    while (left := deadline - time.monotonic()) > 0:
        more = line.read(MAX_RECEIVED_BYTES, min(left, SILENCE_S) if received else left)
        received = (received + more)[-MAX_RECEIVED_BYTES:]
        # The line may echo the question, and the order before it: the answer is what follows.
        received = received[received.rfind(query) + len(query) :] if query in received else received
        if received and not more:
            break
    return received

"""One reader's session: identity, capabilities, Secure Channel, polls and commands, run from the thread that calls.

libosdp was the panel until 0.1.0. It repeats after a second with another sequence number, takes BUSY for an answer, and
leaves a session in which a reader sends a reply that it does not know; in the tests it is the reader.
"""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, Hint
from drivers.common.serial.line import NoAnswer
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.keys import DEFAULT_KEY
from drivers.osdp_reader.line import SharedLine
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.protocol.exchange import Exchange, Link, Reply, WrongMacs
from drivers.osdp_reader.protocol.messages import Card, Event, Identity, Keys, Nak
from drivers.osdp_reader.protocol.secure_channel import BLOCK, CCRYPT_BYTES, SecureChannel

STEP_S = 0.005
POLL_S = 0.05
# The longest that one call of `step` waits for a reader.
SLICE_S = 0.5
HANDSHAKE_S = 2.0
SILENCE_S = 2.5
BUSY_S = 10.0
# Polls of the first moments bring what the reader kept while it was not polled.
STALE_S = 0.4
MAX_EVENTS, MAX_QUEUED = 64, 16
# A greeting and a question for the identity, in turn until one is answered.
_GREETING_S, _IDENTITY_S = 0.3, 0.5

Command = tuple[int, bytes]


class Outcome(Enum):
    """The end of a command. LOST: it left, and what became of it is not known. NOT_DONE: it did not leave."""

    DONE = auto()
    REFUSED = auto()
    BUSY = auto()
    NOT_DONE = auto()
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a command, and the reader's reason for a refusal."""

    outcome: Outcome
    words: str = ""
    reply: Reply | None = None


class OtherKey(DeviceRefused):
    """The reader has shown that it holds another key: by a wrong cryptogram, or by NAK 6."""


class NoSecureChannel(DeviceRefused):
    """The reader states that it has no Secure Channel."""


class Session:
    """Enforces Secure Channel with `key`; without a key in clear; with `install` it puts `key` into the reader.

    Every call raises DeviceError once the line is lost.
    """

    def __init__(
        self, line: SharedLine, unit: int, key: bytes | None, name: str, trace: Trace, *, install: bool = False
    ) -> None:
        self.name = f"unit {unit} at {line.address}"
        self.identity = Identity(b"\0\0\0", 0, 0, 0, (0, 0, 0))
        self.refused: set[int] = set()
        self.unread: dict[str, None] = {}
        self._link = Link(line, unit, trace)
        self._key, self._install = key, install
        self._label = name
        self._capabilities: Mapping[int, tuple[int, int]] = {}
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._queue: deque[Command] = deque(maxlen=MAX_QUEUED)
        self._pending: Exchange | None = None
        self._polled_at = 0.0
        self._fell = ""
        self._keyset_left = False

    def establish(self, seconds: float = HANDSHAKE_S) -> None:
        """Get a session; NoAnswer, or DeviceRefused with the reason why the reader can't be trusted."""
        until = time.monotonic() + seconds
        self._identify(until, seconds)
        reply = self._ask(messages.CAP, b"\0", until)
        # A reader without this command has what it answers to.
        self._capabilities = {} if reply.nak else messages.parse_capabilities(reply.data)
        level = self._capabilities.get(messages.CAP_CHECK, (1, 0))[0]
        self._link.uses_crc = self._link.uses_crc and bool(level & 1)
        if self._key is not None:
            if not self._capabilities.get(messages.CAP_SECURITY, (1, 0))[0] & 1:
                raise self._without_secure_channel()
            self._secure(self._key, until)
        self._polled_at = time.monotonic()

    def _identify(self, until: float, seconds: float) -> None:
        """Greet with a poll first: some readers answer nothing before one (Inner Range SIFER)."""
        words = ""
        while time.monotonic() < until:
            self._link.reset()
            self._run(messages.POLL, b"", min(until, time.monotonic() + _GREETING_S))
            self._link.reset()
            reply = self._run(messages.ID, b"\0", min(until, time.monotonic() + _IDENTITY_S))
            if reply is None:
                continue
            identity = messages.parse_identity(reply.data) if reply.code == messages.PDID else None
            if identity is not None:
                self.identity = identity
                return
            # A slow reader's late answer to the poll may look like this, so that it is not the last word.
            words = reply.nak.words if reply.nak else f"reply {reply.code:#04x}"
            if reply.nak and reply.nak.code == messages.NAK_CHECK:
                # A reader without CRC finds each of them damaged.
                self._link.uses_crc = False
        if words:
            raise DeviceGarbled(f"does not say what it is ({self.name}, {words}); is it an OSDP v2 reader?")
        raise self._silence(seconds)

    def _secure(self, key: bytes, until: float) -> None:
        try:
            self._handshake(key, until)
        except OtherKey:
            if not self._install:
                raise
            self._put_key(key, until)

    def _put_key(self, key: bytes, until: float) -> None:
        self._handshake(DEFAULT_KEY, until, default=True)
        exchange = self._link.start(messages.KEYSET, messages.keyset(key))
        reply = self._link.run(exchange, until)
        self._keyset_left = exchange.sent > 0
        if reply is None:
            raise DeviceUnreachable(f"did not answer to its new key ({self.name})")
        if reply.nak:
            self._keyset_left = False
            raise DeviceRefused(f"takes no key ({self.name}, {reply.nak.words})")
        self._link.channel = None
        self._handshake(key, until)

    def _handshake(self, key: bytes, until: float, *, default: bool = False) -> None:
        self._link.channel = None
        channel = SecureChannel(key)
        mark = bytes([0 if default else 1])
        answer = self._ask(messages.CHLNG, channel.challenge, until, b"\x11" + mark)
        if answer.nak:
            raise self._refusal(answer.nak)
        if answer.code != messages.CCRYPT or len(answer.data) != CCRYPT_BYTES:
            raise DeviceGarbled(f"answers a challenge with something else ({self.name}); is it an OSDP v2 reader?")
        if not channel.verify(answer.data):
            raise self._other_key("its proof of the key is wrong")
        exchange = self._link.start(messages.SCRYPT, channel.cryptogram, b"\x13" + mark)
        proof = self._link.run(exchange, until)
        if proof is None:
            raise DeviceUnreachable(
                f"holds the right key, but did not confirm the session ({self.name}); check wiring and termination"
            )
        if proof.nak:
            # After a repetition this refuses the second one only: a reader that lost count of the session.
            if proof.nak.code == messages.NAK_CONDITIONS and not exchange.unanswered:
                raise self._other_key(proof.nak.words)
            raise DeviceUnreachable(f"broke off while the session began ({self.name}, {proof.nak.words})")
        if proof.code != messages.RMAC_I or len(proof.data) != BLOCK:
            raise DeviceGarbled(f"confirms the session with something else ({self.name}); is it an OSDP v2 reader?")
        channel.start(proof.data)
        self._link.channel = channel

    def _ask(self, code: int, data: bytes, until: float, block: bytes = b"") -> Reply:
        reply = self._run(code, data, until, block)
        if reply is None:
            raise DeviceUnreachable(f"answers and then breaks off ({self.name}); check the wiring and termination")
        return reply

    def _run(self, code: int, data: bytes, until: float, block: bytes = b"") -> Reply | None:
        return self._link.run(self._link.start(code, data, block), until)

    def skip_stale(self) -> int:
        """Forget what the reader had kept for us; return how many cards and keys that were."""
        until = time.monotonic() + STALE_S
        while time.monotonic() < until and not self._fell:
            self.step()
            time.sleep(STEP_S)
        kept = [event for event in self._events if not isinstance(event, Card | Keys)]
        skipped = len(self._events) - len(kept)
        self._events = deque(kept, MAX_EVENTS)
        return skipped

    def step(self, *, urgent: bool = False) -> None:
        """Do what is due now: nothing, or one exchange, which goes on with the next call while it is not answered."""
        if self._fell:
            return
        if self._pending is None:
            if self._queue:
                self._pending = self._link.start(*self._queue.popleft())
            elif time.monotonic() - self._polled_at >= POLL_S:
                self._pending = self._link.start(messages.POLL)
            else:
                return
        self._finish_pending(time.monotonic() + SLICE_S, urgent=urgent)

    def _finish_pending(self, until: float, *, urgent: bool) -> bool:
        """Return True once no exchange is under way."""
        exchange = self._pending
        if exchange is None:
            return True
        try:
            reply = self._link.run(exchange, until, urgent=urgent)
        except WrongMacs as error:
            self._fell = f"{error} ({self.name})"
            return False
        if reply is None:
            if exchange.busy and time.monotonic() - exchange.began > BUSY_S:
                self._fell = f"is busy for more than {BUSY_S:g} s"
            return False
        self._pending, self._polled_at = None, time.monotonic()
        self._take(exchange, reply)
        return True

    def _take(self, exchange: Exchange, reply: Reply) -> None:
        if reply.nak is None:
            self._take_event(reply)
        elif exchange.code == messages.POLL or _breaks(exchange, reply):
            self._fell = f"broke off its session ({self.name}, {reply.nak.words})"
        else:
            self.refused.add(exchange.code)

    def _take_event(self, reply: Reply) -> None:
        event = messages.parse_event(reply.code, reply.data)
        if isinstance(event, messages.Unread):
            self.unread[event.words] = None
        elif event is not None:
            self._events.append(event)

    def check(self) -> None:
        """Raise NoAnswer or DeviceUnreachable when the reader has gone."""
        if time.monotonic() - self._link.answered_at > SILENCE_S:
            raise NoAnswer(f"no answer from {self.name} for {SILENCE_S:g} s; check its power and cable")
        if self._fell:
            raise DeviceUnreachable(f"{self._fell}; it is set up again")

    def events(self) -> list[Event]:
        """Return what came since the last call."""
        found = list(self._events)
        self._events.clear()
        return found

    def has(self, function: int) -> int:
        """Return how many of something the reader says it has; 0 for none."""
        level, count = self._capabilities.get(function, (0, 0))
        return max(count, 1) if level else 0

    def submit(self, code: int, data: bytes = b"") -> None:
        """Queue a command whose end does not matter."""
        self._queue.append((code, data))

    def command(self, code: int, data: bytes, seconds: float) -> Result:
        """Send a command and wait for its end; the same frame again until it is answered, and never later."""
        until = time.monotonic() + seconds
        while not self._fell and not self._finish_pending(until, urgent=True) and time.monotonic() < until:
            pass
        if self._fell or self._pending is not None:
            self._fell = self._fell or f"did not answer ({self.name})"
            return Result(Outcome.NOT_DONE)
        exchange = self._link.start(code, data)
        try:
            reply = self._link.run(exchange, until, urgent=True)
        except DeviceError as error:
            self._fell = str(error)
            if not exchange.unanswered:
                raise
            return Result(Outcome.LOST, str(error))
        finally:
            self._keyset_left = self._keyset_left or (code == messages.KEYSET and exchange.sent > 0)
        self._polled_at = time.monotonic()
        return self._result(exchange, reply)

    def _result(self, exchange: Exchange, reply: Reply | None) -> Result:
        if reply is None:
            # The next command would use the same sequence number: what the reader makes of that is not known.
            self._fell = f"did not answer a command ({self.name})"
            return Result(Outcome.LOST if exchange.unanswered else Outcome.BUSY)
        if reply.nak is None:
            self._take_event(reply)
            return Result(Outcome.DONE, reply=reply)
        if not _breaks(exchange, reply):
            return Result(Outcome.REFUSED, reply.nak.words)
        self._fell = f"broke off its session ({self.name}, {reply.nak.words})"
        return Result(Outcome.LOST if exchange.unanswered else Outcome.NOT_DONE, reply.nak.words)

    def close(self) -> None:
        """Forget the session's keys; never raises."""
        self._fell = self._fell or "the session is closed"
        self._link.channel = None

    def keyset_left(self) -> bool:
        """Return True if a new key was sent."""
        return self._keyset_left

    def _silence(self, seconds: float) -> DeviceError:
        if self._link.has_answered:
            return DeviceUnreachable(f"answers and then breaks off ({self.name}); check the wiring and termination")
        what = "only noise" if self._link.noise else "no answer"
        return NoAnswer(
            f"{what} from {self.name} in {seconds:g} s; check power, wiring (A/B), baudrate and option unit"
        )

    def _refusal(self, nak: Nak) -> DeviceError:
        if nak.code == messages.NAK_CONDITIONS:
            return self._other_key(nak.words)
        if nak.code in (messages.NAK_UNKNOWN, messages.NAK_NO_SECURITY):
            return self._without_secure_channel(nak.words)
        return DeviceUnreachable(f"begins no session ({self.name}, {nak.words}); check the wiring and termination")

    def _without_secure_channel(self, words: str = "") -> NoSecureChannel:
        what = f"{self.name}, {words}" if words else self.name
        return NoSecureChannel(
            f"offers no Secure Channel and is refused ({what}): anybody on the line could play it; use another reader"
        )

    def _other_key(self, words: str) -> OtherKey:
        return OtherKey(
            f"holds another key than ours and is refused ({self.name}, {words}); is it still the same reader? "
            "give its key as its password, or pair it again",
            hint=Hint("set_device_password"),
        )


def _breaks(exchange: Exchange, reply: Reply) -> bool:
    """Return True for a refusal that ends the session; one that the session's MAC proves is about the command alone."""
    if reply.nak is None or reply.is_proven:
        return False
    lost = (messages.NAK_CHECK, messages.NAK_SEQUENCE)
    without_security = (messages.NAK_NO_SECURITY, messages.NAK_CONDITIONS)
    return reply.nak.code in (lost + without_security if exchange.sealed else lost)

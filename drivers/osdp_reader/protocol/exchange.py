"""One exchange with one reader: a frame is sent, bit for bit the same, until it is answered.

A reader that gets a frame again with an unchanged sequence number answers as before and acts only once (OSDP 2.2,
5.9), so that repeating is safe for every command. BUSY (7.19) is a request to repeat, and never an answer.
"""

import time
from dataclasses import dataclass, field
from enum import Enum, auto

from devicemgr.errors import DeviceUnreachable
from drivers.common.serial.address import TcpAddress
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.frames import CONFIG_UNIT, ONLY_AFTER, START, Frame, Scanner, blanked, build, parse
from drivers.osdp_reader.line import SharedLine
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.protocol.secure_channel import (
    COMMAND,
    COMMAND_DATA,
    MAC_BYTES,
    REPLY,
    REPLY_DATA,
    SecureChannel as Channel,
)

# Most readers answer within 20 ms; the standard allows 200. One that was slow once gets the longer time from then on,
# as does one behind a serial server.
REPLY_S, SLOW_REPLY_S = 0.16, 0.26
# From here on a reply is late enough to collide with the next repetition.
LATE_S = 0.12
# Within a frame, and for the longest of them at 9600 baud.
CHARACTER_PAUSE_S, MAX_FRAME_S = 0.05, 0.5
BUSY_PAUSE_S = 0.06
# Repetitions at once; later ones leave the line to the other readers for so long.
FAST_REPETITIONS, SLOW_PAUSE_S = 3, 0.3
MAX_BAD_MACS = 3
MAX_DAMAGED = 3


class _Verdict(Enum):
    """The relation of a frame to the exchange that is under way."""

    OTHER = auto()
    BUSY = auto()
    DAMAGED = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that is the reader's own: its code, its data in clear, and whether the session's MAC proved it."""

    code: int
    data: bytes
    is_proven: bool = False

    @property
    def nak(self) -> messages.Nak | None:
        """Return the refusal that it is; None for any other reply."""
        return messages.Nak(self.data[0] if self.data else 0) if self.code == messages.NAK else None


class WrongMacs(DeviceUnreachable):
    """The replies do not fit the session: the reader has begun another, or something else answers."""


_NOTHING = _Verdict.OTHER, None


@dataclass(slots=True)
class Exchange:
    """A frame under way; after one of the `unanswered` transmissions the reader may have acted."""

    raw: bytes
    code: int
    sequence: int
    sealed: bool
    sent: int = 0
    unanswered: int = 0
    busy: int = 0
    damaged: int = 0
    bad_macs: int = 0
    due: float = 0.0
    began: float = field(default_factory=time.monotonic)


class Link:
    """One reader's exchanges on a shared line; for one thread."""

    def __init__(self, line: SharedLine, unit: int, trace: Trace, *, first_reply_s: float = SLOW_REPLY_S) -> None:
        self._line = line
        self._unit = unit
        self._trace = trace
        self._scanner = Scanner()
        self._sequence = 0
        self._first_reply_s = first_reply_s
        self._reply_s = SLOW_REPLY_S if isinstance(line.address, TcpAddress) else REPLY_S
        self.channel: Channel | None = None
        self.uses_crc = True
        self.answered_at = time.monotonic()
        self.has_answered = False
        self.noise = False

    def reset(self) -> None:
        """Begin the dialog again with sequence number 0, in clear."""
        self._sequence, self.channel = 0, None

    def start(self, code: int, data: bytes = b"", block: bytes = b"") -> Exchange:
        """Return the next exchange; nothing is sent yet. `block` is the security block of a handshake."""
        head = (self._unit, self._sequence, self.uses_crc)
        channel = self.channel
        if channel is None:
            raw = build(*head, code, data, block)
        else:
            # Encrypted before it is signed: both use the MAC of the last reply.
            sealed = channel.encrypt(data) if data else b""
            block = bytes([COMMAND_DATA if data else COMMAND])
            raw = build(*head, code, sealed, block, channel.sign)
        return Exchange(raw, code, self._sequence, channel is not None)

    def run(self, exchange: Exchange, until: float, *, urgent: bool = False) -> Reply | None:
        """Send until the answer comes; None if that has to be after `until`. Raises DeviceError for a lost line."""
        while True:
            now = time.monotonic()
            if max(exchange.due, now) >= until:
                return None
            if exchange.due > now:
                time.sleep(exchange.due - now)
            with self._line.turns.taken(urgent):
                reply = self._attempt(exchange)
            if reply is not None:
                self._sequence = exchange.sequence % 3 + 1
                return reply

    def _attempt(self, exchange: Exchange) -> Reply | None:
        self._line.check()
        self._scanner.clear()
        frame = parse(exchange.raw)
        assert frame is not None
        self._trace.add("tx", blanked(frame))
        exchange.sent += 1
        exchange.unanswered += 1
        self._line.write(b"\xff" + exchange.raw)
        verdict, reply = self._listen(exchange)
        if verdict is not _Verdict.OTHER:
            exchange.unanswered -= 1
        pause = BUSY_PAUSE_S if verdict is _Verdict.BUSY else 0.0
        if verdict is _Verdict.OTHER and exchange.unanswered > FAST_REPETITIONS:
            pause = SLOW_PAUSE_S
        exchange.due = time.monotonic() + pause
        return reply

    def _listen(self, exchange: Exchange) -> tuple[_Verdict, Reply | None]:
        sent_at = time.monotonic()
        # A slow reader may answer always as the repetition goes out: each waits longer than the one before. Replies to
        # sequence number 0 all look alike, so the first ones are waited for in full, which shows a slow reader.
        wait_s = self._reply_s if exchange.sequence else self._first_reply_s
        wait_s += min(exchange.unanswered - 1, 3) * 0.05
        deadline = limit = sent_at + self._line.transmission_s(len(exchange.raw)) + wait_s
        limit += MAX_FRAME_S
        while (left := deadline - time.monotonic()) > 0:
            data = self._line.read(left)
            self.noise = self.noise or bool(data)
            frames = self._scanner.feed(data)
            if data and not frames and START not in data:
                # Not a piece of a frame, which might hold a PIN in clear.
                self._trace.add("rx", data)
            if data and self._scanner.is_within:
                deadline = max(deadline, min(time.monotonic() + CHARACTER_PAUSE_S, limit))
            for frame in frames:
                self._trace.add("rx", blanked(frame))
                verdict, reply = self._judge(frame, exchange)
                if verdict is _Verdict.OTHER:
                    continue
                self.answered_at, self.has_answered = time.monotonic(), True
                if self.answered_at - sent_at > LATE_S:
                    self._reply_s = SLOW_REPLY_S
                return verdict, reply
        return _Verdict.OTHER, None

    def _judge(self, frame: Frame, exchange: Exchange) -> tuple[_Verdict, Reply | None]:
        if not frame.reply or self._unit not in (frame.address, CONFIG_UNIT):
            return _NOTHING
        is_busy = frame.security is None and frame.code == messages.BUSY
        if is_busy and frame.sequence in (0, exchange.sequence):
            exchange.busy += 1
            return _Verdict.BUSY, None
        is_nak = frame.security is None and frame.code == messages.NAK
        # A reader that could not read the header has no sequence number to repeat.
        if is_nak and frame.sequence in (0, exchange.sequence):
            return self._judge_nak(frame, exchange)
        if frame.sequence != exchange.sequence or ONLY_AFTER.get(frame.code, exchange.code) != exchange.code:
            return _NOTHING
        reply = self._opened(frame, exchange) if exchange.sealed else self._in_clear(frame)
        return _NOTHING if reply is None else (_Verdict.ANSWER, reply)

    def _judge_nak(self, frame: Frame, exchange: Exchange) -> tuple[_Verdict, Reply | None]:
        reply = Reply(frame.code, frame.data)
        if frame.data[:1] == bytes([messages.NAK_CHECK]) and exchange.damaged < MAX_DAMAGED:
            # It arrived damaged and nothing was done.
            exchange.damaged += 1
            return _Verdict.DAMAGED, None
        return _Verdict.ANSWER, reply

    def _in_clear(self, frame: Frame) -> Reply | None:
        is_handshake = frame.code in ONLY_AFTER
        return Reply(frame.code, frame.data) if is_handshake or frame.security is None else None

    def _opened(self, frame: Frame, exchange: Exchange) -> Reply | None:
        if frame.security is None:
            # Some readers leave the session together with their old key.
            left = exchange.code == messages.KEYSET and frame.code == messages.ACK
            return Reply(frame.code, b"") if left else None
        if self.channel is None or frame.security not in (REPLY, REPLY_DATA):
            return None
        sealed, mac = frame.data[:-MAC_BYTES], frame.data[-MAC_BYTES:]
        data = self.channel.open(frame.signed, mac, sealed, is_encrypted=frame.security == REPLY_DATA)
        if data is not None:
            return Reply(frame.code, data, is_proven=True)
        exchange.bad_macs += 1
        if exchange.bad_macs >= MAX_BAD_MACS:
            raise WrongMacs("sends replies that do not fit its session")
        return None

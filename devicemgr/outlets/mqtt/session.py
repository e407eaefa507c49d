"""One connection to a broker: MQTT 5 by paho, over a socket to an address that was judged.

Everything leaves with QoS 1, and counts as sent when the broker has acknowledged it with a reason code that is no
failure (MQTT 5.0, 4.13). A session ends for good with its connection; nothing of it is kept.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devicemgr.errors import DevicemgrError
from devicemgr.outgoing.connection import Place, connected
from devicemgr.outlets.sender import Undelivered
from devicemgr.text import safe

log = logging.getLogger(__name__)

DEADLINE_S = 10.0
"""For the connection, and for each acknowledgment."""

MAX_PACKET_BYTES = 1024 * 1024
WINDOW = 20
"""Up to how many messages are on their way at once."""

_KEEPALIVE_S = 15
_MAX_RECEIVED_AT_ONCE = 20
_END_S = 0.5
_HEAD_BYTES = 16  # fixed header, number, lengths: at most so many around topic and payload
# MQTT 5.0, 2.4: what another try of the same message does not change.
_NOT_AUTHORIZED, _BAD_TOPIC, _TOO_LARGE, _BAD_PAYLOAD = 0x87, 0x90, 0x95, 0x99
_REFUSALS = frozenset({_NOT_AUTHORIZED, _BAD_TOPIC, _TOO_LARGE, _BAD_PAYLOAD})
_NORMAL, _WITH_WILL = 0x00, 0x04
_TAKEN_OVER, _TAKEN_OVER_WAIT_S = 0x8E, 60.0
_RETAINED_FIRST, _NO_RETAINED = 0, 2


class Message(NamedTuple):
    """What is published; an empty payload removes what is retained there."""

    topic: str
    payload: bytes
    retain: bool = False


class Filter(NamedTuple):
    """What is subscribed to: our own states, of which the retained ones come first, or commands, of which none does."""

    topic: str
    is_command: bool

    @property
    def options(self) -> SubscribeOptions:
        """Return how messages come (MQTT 5.0, 3.8.3.1).

        Of commands, those that were published as retained say so, and what we publish there ourselves does not come. Of
        states, only those are marked as retained that are kept since before, also those of this very client.
        """
        return SubscribeOptions(
            qos=1,
            noLocal=self.is_command,
            retainAsPublished=self.is_command,
            retainHandling=_NO_RETAINED if self.is_command else _RETAINED_FIRST,
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Where a broker is, and as whom to sign in there."""

    place: Place
    is_here: bool
    client_id: str
    user: str = ""
    password: str | None = field(default=None, repr=False)
    will: Message | None = None


Received = Callable[[MQTTMessage], None]
"""Called on the network's thread with what arrives; must not block."""


class Session:
    """Connect on construction, or Undelivered; then any thread but the network's may send."""

    def __init__(self, access: Access, received: Received, on_end: Callable[[], None]) -> None:
        self._host, self._received, self._on_end = access.place.host, received, on_end
        self._changed, self._turn = threading.Condition(), threading.Lock()
        self._reasons: dict[int, ReasonCode] = {}
        self._granted: dict[int, Sequence[ReasonCode]] = {}
        self._accepted: ReasonCode | None = None
        self._window, self._max_bytes = WINDOW, MAX_PACKET_BYTES
        self._lost: str | None = None
        self._is_taken_over = False
        self._client = self._made(access)
        try:
            self._connect(access)
        except BaseException:
            self.end()
            raise

    @property
    def is_up(self) -> bool:
        """Return True until the connection is lost or ended."""
        return self._lost is None

    def require_up(self) -> None:
        """Undelivered says how the connection was lost, and when to try again where that should not be soon."""
        if self._lost is not None:
            raise self._failure()

    def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged all; else Undelivered, with the first failure."""
        self._require_short(messages)
        for start in range(0, len(messages), self._window):
            with self._turn:  # together, no more may be on its way than the broker takes (MQTT 5.0, 4.9)
                self._send_at_once(messages[start : start + self._window])

    def _send_at_once(self, messages: Sequence[Message]) -> None:
        numbers = [self._published(message) for message in messages]
        deadline = time.monotonic() + DEADLINE_S
        failures = []
        for message, number in zip(messages, numbers, strict=True):
            try:
                self._await_acknowledgment(message, number, deadline)
            except Undelivered as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def subscribe(self, filters: Sequence[Filter]) -> list[str]:
        """Subscribe; return the filters that the broker refuses."""
        code, number = self._client.subscribe([(one.topic, one.options) for one in filters])
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or number is None:
            raise self._failure()
        with self._changed:
            self._wait_for(lambda: number in self._granted, "did not answer a subscription", DEADLINE_S)
            codes = self._granted.pop(number)
        return [one.topic for one, granted in zip(filters, codes, strict=False) if granted.is_failure]

    def give_up(self, why: str) -> None:
        """End what is under way with Undelivered; any thread, never waits."""
        self._on_lost(why)

    def end(self, *, leaves_will: bool = True) -> None:
        """Let go of the connection, soon; the broker gives out the will if `leaves_will`."""
        self._on_lost()
        identifier = _WITH_WILL if leaves_will else _NORMAL
        with contextlib.suppress(Exception):
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=identifier))
        if (thread := self._client.network) is not None and thread is not threading.current_thread():
            thread.join(_END_S)
        self._client.cut()

    def _made(self, access: Access) -> "_Client":
        client = _Client(access)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_subscribe = self._on_publish, self._on_subscribe
        client.on_message, client.on_over = self._on_message, self._on_lost
        client.suppress_exceptions = True  # what a broker sends ends no thread
        if access.user:
            client.username_pw_set(access.user, access.password)
        if access.will is not None:
            client.will_set(access.will.topic, access.will.payload, qos=1, retain=access.will.retain)
        return client

    def _connect(self, access: Access) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        properties.ReceiveMaximum = _MAX_RECEIVED_AT_ONCE
        host, port = access.place.host, access.place.port
        try:
            self._client.connect(host, port, _KEEPALIVE_S, clean_start=True, properties=properties)
        except TimeoutError as error:
            raise Undelivered(f"{host} did not answer within {DEADLINE_S:g} s") from error
        except ssl.SSLCertVerificationError as error:
            why = safe(error.verify_message, 100)
            raise Undelivered(f"the certificate of {host} is not trusted ({why}); give its CA") from error
        except DevicemgrError as error:
            raise Undelivered(str(error)) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Undelivered(f"{host} is not reached: {safe(str(why), 100)}") from error
        self._client.loop_start()
        with self._changed:
            self._wait_for(lambda: self._accepted is not None, "did not answer", DEADLINE_S)
            accepted = self._accepted
        if accepted is not None and accepted.is_failure:
            raise Undelivered(f"{host} refuses the connection: {accepted}; check user and password")

    def _require_short(self, messages: Sequence[Message]) -> None:
        for topic, payload, _ in messages:
            if len(topic) + len(payload) + _HEAD_BYTES > self._max_bytes:
                raise Undelivered(f"{self._host} takes no message as long as that for {topic}", is_refused=True)

    def _published(self, message: Message) -> int:
        info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._failure()
        return info.mid

    def _await_acknowledgment(self, message: Message, number: int, deadline: float) -> None:
        with self._changed:
            left = max(0.0, deadline - time.monotonic())
            self._wait_for(lambda: number in self._reasons, "did not acknowledge a message", left)
            reason = self._reasons.pop(number)
        if reason.is_failure:
            why = f"{self._host} refuses a message for {message.topic}: {reason}"
            raise Undelivered(why, is_refused=reason.value in _REFUSALS)

    def _wait_for(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait, with the lock held; a session that is late is over, for what it has taken is not known."""
        self._changed.wait_for(lambda: condition() or self._lost is not None, seconds)
        if condition():
            return
        if self._lost is None:
            self._lost = f"{self._host} {what} within {DEADLINE_S:g} s"
            self._on_end()
        raise self._failure()

    def _failure(self) -> Undelivered:
        why = self._lost or f"{self._host} is not connected any more"
        return Undelivered(why, wait_s=_TAKEN_OVER_WAIT_S if self._is_taken_over else None)

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, properties: Properties | None) -> None:
        found = properties.json() if properties is not None else {}  # type: ignore[no-untyped-call]
        with self._changed:
            self._window = max(1, min(WINDOW, int(found.get("ReceiveMaximum", WINDOW))))
            self._max_bytes = min(16 * MAX_PACKET_BYTES, int(found.get("MaximumPacketSize", 16 * MAX_PACKET_BYTES)))
            self._accepted = reason
            if found.get("MaximumQoS", 1) < 1 or not found.get("RetainAvailable", 1):
                self._lost = f"{self._host} keeps no messages (QoS 1, retained), which this outlet needs"
            self._changed.notify_all()

    def _on_publish(self, _: Any, __: Any, number: int, reason: ReasonCode, ___: Any) -> None:
        with self._changed:
            self._reasons[number] = reason
            self._changed.notify_all()

    def _on_subscribe(self, _: Any, __: Any, number: int, reasons: Sequence[ReasonCode], ___: Any) -> None:
        with self._changed:
            self._granted[number] = reasons
            self._changed.notify_all()

    def _on_message(self, _: Any, __: Any, message: MQTTMessage) -> None:
        self._received(message)

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        if reason.value == _TAKEN_OVER:
            self._is_taken_over = True
            self._on_lost("another program has connected under this site's client id, or another outlet of the site")
        else:
            self._on_lost(f"{self._host} has ended the connection: {reason}")

    def _on_lost(self, why: str = "the connection was lost") -> None:
        with self._changed:
            is_news = self._lost is None
            self._lost = self._lost or why
            self._changed.notify_all()
        if is_news:
            self._on_end()


class _Client(Client):
    """paho's client, which connects by `outgoing.connection` and reads no packet that is too long."""

    def __init__(self, access: Access) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=access.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._access = access
        self.on_over: Callable[[], None] = lambda: None
        self.network: threading.Thread | None = None

    def cut(self) -> None:
        """Close the connection under whatever is still going on."""
        line: Any = self.socket()
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                line.close()

    def loop_start(self) -> MQTTErrorCode:
        """Start the network's thread."""
        found = super().loop_start()
        self.network = self._thread
        return found

    def _create_socket(self) -> Any:
        # paho resolves the name itself otherwise, and connects to whatever that gives.
        return connected(self._access.place, time.monotonic() + DEADLINE_S, is_here=self._access.is_here)

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_PACKET_BYTES:
            raise OSError("the broker sends too long a packet")
        return super()._sock_recv(bufsize)

    def _thread_main(self) -> None:
        try:
            super()._thread_main()
        except Exception as error:
            log.warning("the broker %s sent what can't be read: %s", self._access.place.host, type(error).__name__)
        finally:
            self.cut()
            self.on_over()

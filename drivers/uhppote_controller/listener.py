"""Hears a UHPPOTE controller push its events: a hint to read its memory now, and never more than that.

A controller sends each event once, unacknowledged and unsigned, to one address. So nothing that is pushed is believed:
the event that counts is the one read by its index, and reading goes on at its usual pace without any hint.
"""

import logging
import socket
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Protocol

from devicemgr.errors import DeviceError
from drivers.uhppote_controller.protocol import SIZE, START, Endpoint

PUSHED = 0x20
# Firmware 6.62 begins what it pushes with another byte.
STARTS = (START, 0x19)
NO_LISTENER = IPv4Address(0)
# More than these are left for the next look, or to the kernel, which drops them.
_MAX_AT_ONCE = 64

_log = logging.getLogger(__name__)


class Listener:
    """A UDP port of ours for one controller's events; `has_received` never blocks."""

    def __init__(self, own: str, port: int, sender: str, serial: int) -> None:
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._line.bind((own, port))
        except OSError:
            self._line.close()
            raise
        self._line.setblocking(False)
        self._sender, self._serial = sender, serial
        self.address: tuple[str, int] = self._line.getsockname()
        self.dropped = 0

    def has_received(self) -> bool:
        """Return True if the controller has pushed anything since the last call; drop what others sent."""
        found = False
        for _ in range(_MAX_AT_ONCE):
            try:
                packet, source = self._line.recvfrom(2048)
            except OSError:  # nothing more, or no network
                break
            if source[0] == self._sender and self._is_pushed(packet):
                found = True
            else:
                self.dropped += 1
        return found

    def _is_pushed(self, packet: bytes) -> bool:
        if len(packet) != SIZE or packet[0] not in STARTS or packet[1] != PUSHED:
            return False
        return int.from_bytes(packet[4:8], "little") == self._serial

    def close(self) -> None:
        """Let go of the port."""
        self._line.close()


class Ask(Protocol):
    """One question to the controller by its name, and the decoded answer."""

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Send the request and return its answer."""


def listen(ask: Ask, endpoint: Endpoint, serial: int, port: int, *, take: bool) -> tuple[Listener | None, str]:
    """Have the controller push to us; None without, and in words where its events go. Never raises.

    A listener that another program has set is left alone unless `take`.
    """
    try:
        current = ask("get_listener")
        own, sender = _both_ends(endpoint)
        ours = str(current.address) == own
        if not ours and current.address != NO_LISTENER and not take:
            return None, f"to {current.address}:{current.port}, which another program has set (option listener=take)"
        try:
            # The port of last time, unless another program here has it by now: then it is that program's listener.
            listener = Listener(own, port or (current.port if ours else 0), sender, serial)
        except OSError as error:
            if port or not take:
                return None, f"to none: port {port or current.port} here is taken ({error.strerror})"
            listener = Listener(own, 0, sender, serial)
        return _set_up(ask, current, listener)
    except (DeviceError, OSError, AddressValueError) as error:
        _log.info("Failed to set the listener of controller %d: %s", serial, error)
        return None, "to none: it did not take the listener; see the log"


def _set_up(ask: Ask, current: Any, listener: Listener) -> tuple[Listener | None, str]:
    host, port = listener.address
    try:
        if (str(current.address), current.port) == (host, port) or ask("set_listener", IPv4Address(host), port).ok:
            return listener, f"to {host}:{port}, here"
    except DeviceError:
        listener.close()
        raise
    listener.close()
    return None, "to none: it refused the listener"


def _both_ends(endpoint: Endpoint) -> tuple[str, str]:
    """Our address as the controller sees it, and its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.connect((endpoint.host, endpoint.port))
        return line.getsockname()[0], line.getpeername()[0]

"""This host's own door commands, by which the console's records of them are recognized."""

import socket
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.operation_table import OF_COMMANDS
from drivers.hikvision_console.events.translate import Event

# The console counts whole seconds, and may take a command up to the deadline after it has left.
_EARLIEST_S, _LATEST_S = -1.5, 7.0
_MAX_COMMANDS = 200


@dataclass
class Command:
    """A door command that was sent at a CLOCK_MONOTONIC second, and the serial of the console's record of it."""

    door: int
    code: tuple[int, int]
    sent: float
    serial: int | None = None


class OwnCommands:
    """For the device's thread only; `host` is this host's address as the console sees it, `user` its account there."""

    def __init__(self, address: str, user: str | None) -> None:
        self._address, self._user = address, user or ""
        self._host = ""
        self._sent: deque[Command] = deque(maxlen=_MAX_COMMANDS)

    def note(self, door: int, command: str) -> Command:
        """Expect a record of a command that is about to be sent."""
        made = Command(door, OF_COMMANDS[command], time.monotonic())
        self._sent.append(made)
        return made

    def drop(self, command: Command) -> None:
        """Remove a command that the console refused."""
        self._sent.remove(command)

    def claims(self, event: Event, clock: Clock) -> bool:
        """Return True if this record is of a command of this host; each command has one."""
        if event.host and event.host not in self._hosts():
            return False
        for command in self._sent:
            if command.serial == event.serial and command.code == event.code:
                return True
            if command.serial is None and self.fits(command, event, clock):
                command.serial = event.serial
                return True
        # Sent before the last restart: the console names this host and its account.
        return bool(event.host) and event.user == self._user

    def is_by_this_host(self, event: Event) -> bool:
        """Return True unless the console names another host."""
        return not event.host or event.host in self._hosts()

    def fits(self, command: Command, event: Event, clock: Clock) -> bool:
        """Return True if the event can be the console's record of the command."""
        if event.code != command.code or event.door != command.door or event.is_history:
            return False
        if event.host and event.host not in self._hosts():
            return False
        age = clock.age_of(event.at, command.sent)
        return age is None or _EARLIEST_S <= -age <= _LATEST_S

    def _hosts(self) -> frozenset[str]:
        self._host = self._host or own_address(self._address)
        return frozenset({self._host, "127.0.0.1", "::1"})


def own_address(console: str) -> str:
    """Return this host's address on the way to the console; nothing is sent to find it."""
    parts = urlsplit(console)
    family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port or 80))
        return str(probe.getsockname()[0])

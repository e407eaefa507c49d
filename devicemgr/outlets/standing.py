"""What a channel needs that keeps a connection: the site's states to show, and who carries out commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from devicemgr.outlets.commands import CommandDesk
from devicemgr.outlets.site_view import Sight


class Views(Protocol):
    """The site's present states, to read only."""

    def follow(self, follower: Callable[[], None]) -> Sight:
        """Return what is so now, and call `follower` after each change; StorageFailed when it can't be read."""

    def leave(self, follower: Callable[[], None]) -> None:
        """Call `follower` no more."""

    @property
    def present(self) -> Sight:
        """Return what is so now; any thread, never waits."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a standing channel has besides events: its outlet's name, the site's states, and who carries out commands.

    `wake` lets the outbox try at once, for the connection has come or gone.
    """

    outlet: str
    views: Views
    wake: Callable[[], None]
    commands: CommandDesk | None = None


@runtime_checkable
class Standing(Protocol):
    """A channel that keeps a connection, with or without events: what else a Sender is then."""

    def begin(self, surroundings: Surroundings) -> None:
        """Connect, and stay connected until `close`."""

    def require_up(self) -> None:
        """Return while it is connected and what it shows is so; Undelivered says why not. May wait a moment for it."""

    def withdraw(self) -> None:
        """Take back all that it shows, then close: the outlet is removed, or goes to another server."""

"""What an outbox needs of a channel: send some events, and say why they have not arrived."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

Event = Mapping[str, Any]
"""An event as it leaves, by `domain.rules.outgoing.selection`."""


class Undelivered(Exception):
    """Events have not arrived, or it is not known that they have.

    `wait_s` is how long the receiver asks to wait. `is_refused` when it has read them and does not want them;
    `is_gone` when it says that it wants nothing more.
    """

    def __init__(
        self, why: str, *, wait_s: float | None = None, is_refused: bool = False, is_gone: bool = False
    ) -> None:
        super().__init__(why)
        self.wait_s, self.is_refused, self.is_gone = wait_s, is_refused, is_gone


class Sender(Protocol):
    """A channel to one receiver; called by one thread at a time."""

    batch: int
    """Up to how many events one call takes."""

    def send(self, events: Sequence[Event]) -> None:
        """Return when the receiver has taken the events; Undelivered if not. Ends soon after `close`."""

    def test(self) -> str | None:
        """Send a message that is no event, return what was answered; Undelivered when it is not taken."""

    def close(self) -> None:
        """Let go of the connection, on any thread; what is under way ends with Undelivered."""


@runtime_checkable
class SettlesLater(Protocol):
    """A channel that knows only later whether events have arrived: its receiver does not answer, or it holds some back.

    What an outbox stores ends before the first event that has not surely arrived. After Undelivered, from here or from
    `send`, the channel forgets what it holds, and all behind the stored cursor is given to it again.
    """

    def settle(self) -> int | None:
        """Return the seq of the first event that may not have arrived, None for none; Undelivered if one has not.

        Called by the thread that calls `send`: after each call of it, and about once a second while events are held.
        """

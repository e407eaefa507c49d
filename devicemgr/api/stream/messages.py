"""Messages of the stream as server-sent events (HTML Standard, 9.2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from devicemgr.domain.rules.duress.veil import is_alarm_of_duress, veiled

DURESS = "duress"
"""What stands among the allowed parts of those who may know of duress signals."""

WAITING = ": waiting\n\n"
"""A comment, which keeps the connection open."""


class EventMessage:
    """An event of the record, written once for all clients: `named` with the person's name, `unnamed` without.

    `veiled` is the message for those who may not know of duress signals. `announced` is the CLOCK_MONOTONIC second at
    which its commit was announced, or that of one before it which is sent with it; None for one that is read later.
    """

    def __init__(self, event: Mapping[str, Any], announced: float | None = None) -> None:
        self.event, self.announced = event, announced
        self.seq: int = event["seq"]

    @cached_property
    def veiled(self) -> "EventMessage":
        """Return the message of the event as those see it who may not know of duress."""
        return EventMessage(veiled(self.event))

    @cached_property
    def named(self) -> str:
        """Return the message for those who see names."""
        return _text("event", self.event, seq=self.seq)

    @cached_property
    def unnamed(self) -> str:
        """Return the message for all others."""
        return _text("event", {key: value for key, value in self.event.items() if key != "person_name"}, seq=self.seq)


@dataclass(frozen=True, slots=True)
class StateMessage:
    """What has changed, by part: the present value of each subject, None for one that is gone.

    `is_whole` for everything, which a client begins with.
    """

    parts: Mapping[str, Mapping[str, Mapping[str, Any] | None]]
    is_whole: bool = False

    def text(self, allowed: frozenset[str]) -> str | None:
        """Return the message with the allowed parts; None where nothing of them has changed."""
        parts = {name: part for name, part in self.parts.items() if name in allowed}
        if DURESS not in allowed and "alarms" in parts:
            parts["alarms"] = {key: one for key, one in parts["alarms"].items() if not is_alarm_of_duress(key)}
            if not (parts["alarms"] or self.is_whole):
                del parts["alarms"]
        return _text("state", {"whole": self.is_whole, **parts}) if parts else None


def revision_text(revision: int) -> str:
    """Return the message of a changed revision of people and site."""
    return _text("revision", {"revision": revision})


def alive_text() -> str:
    """Return a message of states of which none has changed: what the client knows is still so."""
    return _text("state", {"whole": False})


def resync_text(seq: int) -> str:
    """Return the message to a client that was too slow for states; events go on behind `seq`."""
    return _text("resync", {"after": seq})


def _text(name: str, data: Mapping[str, Any], *, seq: int | None = None) -> str:
    head = f"id: {seq}\n" if seq is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"

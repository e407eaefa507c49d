"""Imperative requests to a gate; each is carried out at most once."""

from dataclasses import dataclass

from devicemgr.domain.model import Direction, PortalMode


@dataclass(frozen=True, slots=True)
class Release:
    """Let one person pass; void after `deadline` (CLOCK_MONOTONIC seconds)."""

    request: str
    channel: int
    direction: Direction
    seconds: float
    deadline: float


@dataclass(frozen=True, slots=True)
class SetMode:
    """Put a channel into normal, locked or free."""

    channel: int
    mode: PortalMode


GateCommand = Release | SetMode

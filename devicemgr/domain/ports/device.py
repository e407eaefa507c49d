"""What others implement. A driver is plain blocking Python; every call ends within a deadline of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.device_profile import Setting
from devicemgr.domain.model import (
    DeviceInfo,
    Direction,
    JsonValue,
    PortalMode,
    Signal,
)
from devicemgr.errors import DeviceRefused


class Device(Protocol):
    """A connected device, used by one thread only. Errors are DeviceError; after one, close() then open() again."""

    poll_interval: float

    def open(self) -> DeviceInfo:
        """Connect and identify; raise DeviceError with a one-line cause. Bounded to about 5 s."""

    def poll(self) -> Sequence[DeviceFact]:
        """Return what happened since the last poll; called every `poll_interval` seconds.

        Raises DeviceError when gone.
        """

    def check(self) -> dict[str, JsonValue]:
        """Run a technician's test: read what can be read, move nothing."""

    def close(self) -> None:
        """Let go of line and session; never raises."""


class Delivery(StrEnum):
    """What is known of a command after it has left without an error; docs say per kind what a confirmation proves."""

    CONFIRMED = "confirmed"  # the device has answered this command, or its state was read back
    SENT = "sent"  # the device gives no feedback


@runtime_checkable
class Gate(Device, Protocol):
    """A turnstile, door or lock. `release` is sent once, never retried; OutcomeUnknown when its answer is lost.

    NotYet, which proves that nothing was done, is the one error after which the same release is sent again.

    Both commands return CONFIRMED only if the device has proven it: bytes that may be an echo of the command prove
    nothing. `senses_passage` says whether poll() reports passages.
    """

    senses_passage: bool

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Let one person pass in `direction`, timed by the device where it can be."""

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Keep the channel normal, locked or free until the next call."""


@dataclass(frozen=True, slots=True)
class ReleaseTimes:
    """How long a device itself keeps a release, in seconds.

    `waits_s` is until it gives up waiting, `passage_s` how long a passage may take; None as rules.passage assumes.
    """

    waits_s: float
    passage_s: float | None = None


@runtime_checkable
class SelfTimed(Device, Protocol):
    """A gate whose releases may last longer or shorter than the portal's release seconds."""

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:
        """Return how long the release of `seconds` lasts that has just been sent; exchanges nothing."""


@runtime_checkable
class Cancelable(Device, Protocol):
    """A gate that can take back a release, for one that would stay released longer than the portal waits."""

    def cancel_release(self, channel: int, direction: Direction) -> None:
        """End a release that was not used; do nothing if none is left, a newer one was sent, or the gate is free."""


@runtime_checkable
class Channeled(Device, Protocol):
    """A gate that says how many channels it has: a portal on any other channel is an alarm."""

    channels: int | None
    """Channels 1 to this many; None until it is known, which may take an open()."""


@runtime_checkable
class Indicator(Device, Protocol):
    """Lamps and buzzers at a reader or gate; a lost signal is no fault, and changes neither lock nor arm."""

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """Show `signal` for a second or two, then what is usual."""


@runtime_checkable
class Replaying(Device, Protocol):
    """A device with a memory of events, each with a serial number that grows."""

    def resume(self, serial: int | None) -> None:
        """Before open(): the last serial that is on disk here, None for a device without one."""


@runtime_checkable
class ReplayingLogs(Replaying, Protocol):
    """A device with several memories of events, each with serial numbers of its own (`log` of its facts)."""

    def resume_logs(self, serials: Mapping[str, int]) -> None:
        """Before open(), after resume(): the last serial on disk of each memory by name, none for one without any."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a device holds, or shall hold: one person, or one card where a device knows only cards (`Holder.holds`).

    `key` is the badge or the card's number as in rules.cards; `doors` the device's channels, from 1, that it opens.
    `face` names the sample by its digest; a device that only reports that it has one gives "". Times are aware.
    `hours` names the weekly hours of a door (Scheduling); a door without any is open to them at all times.
    The `name` of a card on a device that knows only cards says what it has that no card from here has, such as a PIN.
    """

    key: str
    name: str = ""
    cards: tuple[str, ...] = ()
    doors: frozenset[int] = frozenset()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    face: str | None = None
    hours: tuple[tuple[int, str], ...] = ()


@runtime_checkable
class Holder(Device, Protocol):
    """A device that keeps people or cards; each call is one exchange or a few, so that gates never wait for long."""

    holds: Literal["people", "cards"]
    batch: int

    def capacity(self) -> int:
        """Return how many keys it can hold in all."""

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Return some of what is held, as far as the device reports it, and where to go on.

        None when these were the last.
        """

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """Add or change up to `batch`, each read back; which keys failed and why. `faces` holds a JPEG by key.

        What must go (cards, a face, doors) goes whatever else does not fit. HeldInPart where only additions are
        missing; NotVerifiable where all is done and a face that must go can't be verified. After any other refusal
        of a change that takes something away, the key is removed.
        """

    def remove(self, keys: Sequence[str]) -> None:
        """Remove up to `batch`, read back; never called without a key; what is not held is no error.

        NotVerifiable where the people can pass no more, and a face or card of theirs can't be verified.
        """


@runtime_checkable
class CardLimits(Holder, Protocol):
    """A keeper of people that can't hold every card."""

    def card_refusal(self, card: str) -> str | None:
        """Return why a card (rules.cards) can't be held, None if it can; no exchange, and from any thread."""


Spans = tuple[tuple[datetime, datetime], ...]


@runtime_checkable
class Scheduling(Device, Protocol):
    """A keeper of people that can hold weekly hours, and opens by them without asking here.

    `decides_alone`, known after open(): whether it may ever open by itself, while this box is away for one.
    """

    decides_alone: bool

    def keep_hours(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Hold the week to come of each under its name (Holding.hours), read back; which failed, and why.

        Spans are aware, in order and apart. What is held already costs no exchange. `look` changes nothing, and tells
        which would fail.
        """


@runtime_checkable
class Verifier(Device, Protocol):
    """A console that asks before it opens (events.Presented) and waits for the answer."""

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Answer question `serial`, once; OutcomeUnknown once it has left without a confirmation."""


@runtime_checkable
class Complaining(Device, Protocol):
    """A device that knows of something wrong although it works, such as a line that is not encrypted."""

    @property
    def complaint(self) -> str | None:
        """Shown as the cause of `degraded`, with what to do; None when all is well. After open() and each poll()."""


@runtime_checkable
class Pairable(Device, Protocol):
    """A reader that gets a secret key of its own while it is in a pairing window, or a new one for a key of ours.

    Its password is the key in hex digits; two keys, the new one first and joined by a comma, while it is not proven
    which of them the reader holds. Only a session that is encrypted with a key proves it.
    """

    def pair(self, key: bytes, seconds: float) -> None:
        """Install `key` within `seconds` and prove it, or prove it alone when the reader holds it already.

        Called on a device of its own that is not open (one without a key can't be), on any thread; a running device
        of the same reader lets go during it. DeviceRefused or DeviceUnreachable leave the reader as it was;
        OutcomeUnknown when the key was sent and not proven.
        """


@runtime_checkable
class Readdressable(Device, Protocol):
    """A device whose address and speed on a shared line are set over that line."""

    def readdress(self, unit: int, baudrate: int | None) -> tuple[str, Mapping[str, JsonValue]]:
        """Set both (None: the speed that it has), prove the device there, and return its new address and options.

        Called on a device of its own that is not open, on any thread; a running device of the same address lets go
        during it. DeviceRefused and DeviceUnreachable leave it where it was; OutcomeUnknown when it was not found.
        """


class SettingsDesk(Protocol):
    """A device that is connected to be set up; for one thread. DeviceLacks says that it has no such setting."""

    def read(self, setting: Setting) -> JsonValue:
        """Return what it has, in the form of the setting's value.

        A list of texts for osd_text, None for a user it has not.
        """

    def check(self, setting: Setting) -> None:
        """DeviceRefused, naming the nearest value, when it does not offer the one that is wanted."""

    def write(self, setting: Setting) -> None:
        """Send it once. OutcomeUnknown or DeviceUnreachable when the answer was lost: then it may have been done."""


@runtime_checkable
class Provisionable(Device, Protocol):
    """A device whose own settings can be set from here (profile.Setting)."""

    def settings(self) -> SettingsDesk:
        """Connect and prove user and password (DeviceRefused); close() ends it.

        Called on a device of its own that is not open, on any thread, while another one of the same device may run.
        """


@runtime_checkable
class Traceable(Device, Protocol):
    """A device whose line can be watched."""

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes: CLOCK_MONOTONIC second, `rx` or `tx`, and what, secrets blanked; from any thread."""

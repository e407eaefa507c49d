"""Relays that release and inputs that tell of passage, exit button and fire, whatever line the board is on."""

import logging
from collections.abc import Sequence

from devicemgr.errors import DeviceError
from devicemgr.events import DeviceFact
from devicemgr.model import Direction, JsonValue, PortalMode, Signal
from devicemgr.ports import Delivery, ReleaseTimes
from drivers._inputs import InputOptions, Watch
from drivers._line import NoAnswer, Patience, persist
from drivers._relays import Flash, RelayBank, Switch

_log = logging.getLogger(__name__)


class RelayDevice:
    """One board, its line left to the kind: `_read`, `_switch` and, where the board times pulses, `_flash`."""

    def __init__(
        self,
        name: str,
        options: InputOptions,
        switch: Switch,
        flash: Flash | None = None,
        delivery: Delivery = Delivery.CONFIRMED,
    ) -> None:
        self._name = name
        self._options = options
        self._bank = RelayBank(options, switch, flash, delivery)
        self._watch = Watch(options)
        self.senses_passage = self._watch.senses_passage
        self._patience = Patience()

    def _read(self) -> dict[str, bool]:
        """The wired inputs by name; asked of a board without any too, to know that it lives."""
        raise NotImplementedError

    def close(self) -> None:
        """See ports.Device."""
        raise NotImplementedError

    def _begin(self) -> None:
        """On a line that has just been opened: relays as the modes want them, unless fire is active."""
        try:
            self._patience = Patience()
            self._watch.reset()
            self._watch.fire = persist(self._read).get("fire", False)
            if self._watch.fire:
                _log.warning("%s: fire release is active, so relays are left as they are", self._name)
            else:
                self._bank.restore()
        except DeviceError:
            self.close()
            raise

    def poll(self) -> Sequence[DeviceFact]:
        self._bank.end_pulses()
        try:
            now = self._read()
        except NoAnswer as error:
            self._patience.missed(error)
            return []
        self._patience.answered()
        facts, passing = self._watch.step(now, free=self._bank.mode(1) is PortalMode.FREE)
        if self._options.contacts == "potential":
            for direction in passing:
                self._bank.cut_short(1, direction)
        return facts

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        in_force = self._options.seconds_in_force(seconds)
        with self._watch.releasing(self._name, channel, direction, in_force):
            return self._bank.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        return ReleaseTimes(self._options.seconds_in_force(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        if mode is PortalMode.FREE and self._options.contacts == "pulse":
            # A turnstile on pulses can't be kept free, but in a fire its lock must not refuse who wants out.
            self._bank.unlock(channel)
        self._watch.refuse_mode(self._name, mode)
        return self._bank.set_mode(channel, mode)

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """By lamps on spare relays, where there are any; they belong to channel 1."""
        if channel == 1:
            self._bank.indicate(direction, signal)

    def check(self) -> dict[str, JsonValue]:
        return {"inputs": {**self._read()}}

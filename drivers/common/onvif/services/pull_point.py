"""Events of an ONVIF device by pull point, in a thread of its own that brings them back when they are lost.

subscribe ──▶ synchronise ──▶ pull … pull ──▶ renew at 80 % ──▶ pull …
    ▲                          │ lost, silent, unknown or expired
    └────── clock and services read again, never an old address
"""

import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from devicemgr.errors import DeviceError, DeviceGarbled
from drivers.common.http.transport import AnswerLost
from drivers.common.onvif.services.notifications import Notice, moment, notices
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import ADDRESSING, EVENTS, NOTIFICATION, OnvifFault

log = logging.getLogger(__name__)

_PULL_POINT = f"{EVENTS}/PullPointSubscription"
_MANAGER = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"
_PAUSE_UNSUPPORTED = 300.0
_SLACK = 10.0
_MIN_WAITED_S = 2.0
_MAX_QUEUED = 2000
SILENT = "events have stopped: the device no longer tells the state of its inputs; restart it if this stays"


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of a subscription in seconds.

    Its life, the length of one pull, the silence after which the device's states are requested, how long it has to
    answer that, and the pauses between attempts.
    """

    lifetime: float = 60.0
    pull: float = 20.0
    probe: float = 120.0
    answer: float = 8.0
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)


@dataclass(slots=True)
class _Subscription:
    address: str
    parameters: tuple[str, ...]
    renew_at: float


class _Silent(Exception):
    """The pull point answers, but not with what was requested."""


class _Expiring(Exception):
    """The subscription can't be renewed: some devices don't know how to."""


class EventPump:
    """`trouble` is None while events flow; `last_answer` the CLOCK_MONOTONIC second of the last good answer.

    `device` is called in the pump's thread for a connection of its own.
    """

    def __init__(self, device: Callable[[], OnvifDevice], name: str, timing: Timing = Timing()) -> None:
        self._make, self._timing = device, timing
        self._waiting: queue.Queue[Notice] = queue.Queue(_MAX_QUEUED)
        self._stopping = threading.Event()
        self._device: OnvifDevice | None = None
        self._thread = threading.Thread(target=self._run, name=f"events-{name}", daemon=True)
        self._speaks = False
        self._expected_by: float | None = None
        self.trouble: str | None = "events have not begun yet"
        self.supported = True
        self.last_answer = 0.0
        self.subscriptions = 0
        self._last = 0.0
        self._longest_s = math.inf

    def start(self) -> None:
        """Subscribe and pull from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End; the pull that waits is cut, and the device is notified. Never raises, and never waits long."""
        self._stopping.set()
        if self._device is not None:
            self._device.transport.cut()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def drain(self) -> list[Notice]:
        """Return what has come since the last time."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._waiting.get_nowait())
        return found

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            pause = self._timing.pauses[min(failures, len(self._timing.pauses) - 1)]
            try:
                self._live()
            except _Expiring:
                continue
            except _Silent:
                self.trouble = SILENT
            except DeviceError as error:
                self.trouble = f"no events: {error}"
                if isinstance(error, OnvifFault) and error.unsupported and not self.last_answer:
                    self.supported, pause = False, _PAUSE_UNSUPPORTED
            except Exception:
                log.exception("the event thread failed")
                self.trouble = "no events: the driver failed; see the log"
            failures = 0 if time.monotonic() - began > 2 * self._timing.pull else failures + 1
            self._stopping.wait(pause)

    def _live(self) -> None:
        """Keep one subscription from its creation to its end."""
        device = self._device = self._make()
        subscription: _Subscription | None = None
        try:
            device.read_clock()
            device.find_services()
            device.has(EVENTS)  # GetCapabilities may name what GetServices hides
            subscription = self._subscribe(device)
            self._synchronise(device, subscription)
            while not self._stopping.is_set():
                self._pull(device, subscription)
                self._keep(device, subscription)
        finally:
            if subscription is not None:
                self._unsubscribe(device, subscription)
            device.close()

    def _subscribe(self, device: OnvifDevice) -> _Subscription:
        lifetime = f"<n:InitialTerminationTime>PT{self._timing.lifetime:.0f}S</n:InitialTerminationTime>"
        url = device.addresses.get(EVENTS, "")
        headers = envelope.addressing(f"{EVENTS}/EventPortType/CreatePullPointSubscriptionRequest", url)
        response = device.ask(EVENTS, "CreatePullPointSubscription", lifetime, headers=headers)
        reference = envelope.first(response, "SubscriptionReference")
        address = "" if reference is None else envelope.text(reference, "Address")
        # Some give none, and are pulled where they were subscribed to (home-assistant.io issue 40942).
        self.subscriptions += 1
        parameters = () if reference is None else _parameters(reference)
        return _Subscription(device.place.http(address or url), parameters, self._renewal(response))

    def _renewal(self, response: Any) -> float:
        """Return when to renew: at 80 % of the granted time, by the device's own two times."""
        current, ends = (
            moment(envelope.text(response, "CurrentTime")),
            moment(envelope.text(response, "TerminationTime")),
        )
        granted = (ends - current).total_seconds() if current and ends else 0.0
        if not 1.0 <= granted <= 86_400.0:
            granted = self._timing.lifetime
        return time.monotonic() + 0.8 * granted

    def _synchronise(self, device: OnvifDevice, subscription: _Subscription) -> None:
        """Request every state; a device that has done so before is expected to do it again."""
        self._expected_by = time.monotonic() + self._timing.answer
        with contextlib.suppress(OnvifFault, DeviceGarbled, AnswerLost):  # the next pull shows whether it is gone
            self._ask(device, subscription, f"{_PULL_POINT}/SetSynchronizationPointRequest", "SetSynchronizationPoint")

    def _pull(self, device: OnvifDevice, subscription: _Subscription) -> None:
        now = time.monotonic()
        longest = min(self._timing.pull, self._longest_s, max(1.0, subscription.renew_at - now))
        if self._expected_by is not None:
            longest = min(longest, max(1.0, self._expected_by - now))
        wanted = f"<n:Timeout>PT{longest:.0f}S</n:Timeout><n:MessageLimit>100</n:MessageLimit>"
        try:
            response = self._ask(
                device, subscription, f"{_PULL_POINT}/PullMessagesRequest", "PullMessages", wanted, longest
            )
        except AnswerLost:
            # A Tapo C220 hangs up on every pull of 10 s (agsh/onvif, pull request 314): shorter ones from now on.
            if _MIN_WAITED_S < (waited := time.monotonic() - now) < longest:
                self._longest_s = waited / 2
            raise
        found = notices(response)
        self.last_answer = time.monotonic()
        if found:
            # Before they are handed over: what they tell must not look like something from before the trouble.
            self._speaks, self._expected_by, self.trouble = True, None, None
            for notice in found:
                self._hand_over(notice)
        elif not self._speaks:
            self.trouble = None
        elif self._expected_by is not None and self.last_answer >= self._expected_by:
            raise _Silent
        if not found and self.last_answer - now < min(0.5, longest / 2):
            self._stopping.wait(1.0)  # a device that does not wait must not make us ask in a circle

    def _keep(self, device: OnvifDevice, subscription: _Subscription) -> None:
        """Renew in time; after a long quiet, request the states again."""
        now = time.monotonic()
        if now >= subscription.renew_at - 1.0:
            ends = f"<n:TerminationTime>PT{self._timing.lifetime:.0f}S</n:TerminationTime>"
            try:
                response = self._ask(
                    device, subscription, f"{_MANAGER}/RenewRequest", "Renew", ends, space=NOTIFICATION
                )
            except (OnvifFault, DeviceGarbled):
                raise _Expiring from None
            subscription.renew_at = self._renewal(response)
        if self._expected_by is None and self._speaks and now - self._last >= self._timing.probe:
            self._last = now
            self._synchronise(device, subscription)

    def _unsubscribe(self, device: OnvifDevice, subscription: _Subscription) -> None:
        """End the subscription, if the device is there: cameras hold about eight."""
        with contextlib.suppress(DeviceError):
            self._ask(device, subscription, f"{_MANAGER}/UnsubscribeRequest", "Unsubscribe", "", -8.5, NOTIFICATION)

    def _ask(
        self,
        device: OnvifDevice,
        subscription: _Subscription,
        action: str,
        operation: str,
        inner: str = "",
        longest: float = -5.0,
        space: str = EVENTS,
    ) -> Any:
        headers = envelope.addressing(action, subscription.address, subscription.parameters)
        return device.ask(space, operation, inner, url=subscription.address, headers=headers, deadline=longest + _SLACK)

    def _hand_over(self, notice: Notice) -> None:
        self._last = time.monotonic()
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(notice, timeout=0.5)
                return


def _parameters(reference: Any) -> tuple[str, ...]:
    """Return reference parameters as headers (WS-Addressing 1.0 SOAP Binding 2.3): echoed, and marked as such."""
    held = envelope.first(reference, "ReferenceParameters")
    if held is None:
        return ()
    for node in held:
        node.set(f"{{{ADDRESSING}}}IsReferenceParameter", "true")
        node.tail = None
    return tuple(etree.tostring(node).decode() for node in list(held)[:8])

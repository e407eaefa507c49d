"""Pull points: subscriptions with queues, lifetimes and addresses of their own (ONVIF Core 9)."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from drivers.sim.onvif.soap import SoapFault

MAX_SUBSCRIPTIONS = 8
_QUEUE = 1000


def message(topic: str, source: dict[str, str], data: dict[str, str], operation: str, at: datetime) -> str:
    """Build one wsnt:NotificationMessage; without `operation` it is an event, and no property."""
    said = f' PropertyOperation="{operation}"' if operation else ""
    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f'{topic}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="{stamp(at)}"{said}>'
        f"<tt:Source>{_items(source)}</tt:Source><tt:Data>{_items(data)}</tt:Data></tt:Message></wsnt:Message>"
        "</wsnt:NotificationMessage>"
    )


def _items(values: dict[str, str]) -> str:
    return "".join(
        f"<tt:SimpleItem Name={quoteattr(name)} Value={quoteattr(value)}/>" for name, value in values.items()
    )


def stamp(moment: datetime) -> str:
    """xs:dateTime in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass
class Subscription:
    """One pull point; `until` is a CLOCK_MONOTONIC second."""

    key: str
    until: float
    waiting: deque[str] = field(default_factory=lambda: deque(maxlen=_QUEUE))


class Hub:
    """All subscriptions. `boot` counts restarts: an address of before is unknown after."""

    def __init__(self) -> None:
        self.boot = 1
        self._number = 0
        self._held: dict[str, Subscription] = {}
        self._changed = threading.Condition()
        self._stopped = False

    def create(self, lifetime: float) -> Subscription:
        """Return a new pull point; ter:… when there are too many."""
        with self._changed:
            self._expire()
            if len(self._held) >= MAX_SUBSCRIPTIONS:
                raise SoapFault("too many pull points", "wsnt:SubscribeCreationFailedFault", sender=False, status=500)
            self._number += 1
            made = Subscription(f"{self.boot}-{self._number}", time.monotonic() + lifetime)
            self._held[made.key] = made
            return made

    def get(self, key: str) -> Subscription:
        """Return the live pull point, or the fault of WS-BaseNotification for none."""
        with self._changed:
            self._expire()
            if key not in self._held:
                raise SoapFault("no such subscription", "wsnt:ResourceUnknownFault", status=400)
            return self._held[key]

    def remove(self, key: str) -> None:
        """Unsubscribe."""
        self.get(key)
        with self._changed:
            self._held.pop(key, None)
            self._changed.notify_all()

    def publish(self, xml: str, only: str | None = None) -> None:
        """Queue a message for all, or for one."""
        with self._changed:
            for key, subscription in self._held.items():
                if only in (None, key):
                    subscription.waiting.append(xml)
            self._changed.notify_all()

    def pull(self, key: str, timeout: float, limit: int, *, deaf: bool = False) -> list[str]:
        """Wait for messages; a `deaf` pull point never has any."""
        subscription = self.get(key)
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or key not in self._held or (subscription.waiting and not deaf), timeout
            )
            if key not in self._held and not self._stopped:
                raise SoapFault("no such subscription", "wsnt:ResourceUnknownFault", status=400)
            if deaf:
                subscription.waiting.clear()
            return [subscription.waiting.popleft() for _ in range(min(limit, len(subscription.waiting)))]

    def restart(self) -> None:
        """Drop all subscriptions, as a reboot does."""
        with self._changed:
            self.boot += 1
            self._held.clear()
            self._changed.notify_all()

    def stop(self) -> None:
        """Let every waiting pull go."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def count(self) -> int:
        """Live subscriptions."""
        with self._changed:
            self._expire()
            return len(self._held)

    def _expire(self) -> None:
        now = time.monotonic()
        for key in [key for key, held in self._held.items() if held.until < now]:
            del self._held[key]


def times(now: datetime, left: float, prefix: str) -> str:
    """CurrentTime and TerminationTime, by the device's clock."""
    return (
        f"<{prefix}:CurrentTime>{stamp(now)}</{prefix}:CurrentTime><{prefix}:TerminationTime>"
        f"{stamp(now + timedelta(seconds=left))}</{prefix}:TerminationTime>"
    )


def reference(address: str, now: datetime, left: float) -> str:
    """Return the body of CreatePullPointSubscriptionResponse."""
    return (
        f"<tev:SubscriptionReference><wsa:Address>{escape(address)}</wsa:Address></tev:SubscriptionReference>"
        + times(now, left, "wsnt")
    )

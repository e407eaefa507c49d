"""Rate limit of failed attempts."""

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_FAILURES, FAILURE_WINDOW_S = 5, 60.0
UNKNOWN = "unknown"
"""The network of what is no address."""


class TryLimit:
    """A limit of attempts per key and time window; while there is no room for more keys, new ones are refused."""

    def __init__(
        self,
        most: int = MAX_FAILURES,
        seconds: float = FAILURE_WINDOW_S,
        room: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._room, self._clock = most, seconds, room, clock
        self._tries: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Count an attempt; return False if the limit is reached."""
        now = self._clock()
        with self._lock:
            if key not in self._tries and len(self._tries) >= self._room:
                self._tries = {k: v for k, v in self._tries.items() if now - v[-1] < self._seconds}
            if key not in self._tries and len(self._tries) >= self._room:
                return False
            tries = self._tries.setdefault(key, deque())
            while tries and now - tries[0] >= self._seconds:
                tries.popleft()
            if len(tries) >= self._most:
                return False
            tries.append(now)
            return True

    def give_back(self, key: str) -> None:
        """Uncount the last attempt: it succeeded, or was none."""
        with self._lock:
            tries = self._tries.get(key)
            if tries:
                tries.pop()
            if not tries:
                self._tries.pop(key, None)


def network_of(address: str) -> str:
    """Return what a limit counts as one: an IPv4 address, or the /64 in which a single IPv6 host can roam."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
        found = found.ipv4_mapped
    return str(found)

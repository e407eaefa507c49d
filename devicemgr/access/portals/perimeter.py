"""Devices at the edge of zones that are away, or are back and have not been read yet: people may have passed unseen."""

import threading
import time

from devicemgr.domain.model import Portal
from devicemgr.domain.rules.decision.snapshot import Snapshot

# A device's memory counts as read when it has given nothing old for so long.
_READ_AFTER_S = 5.0


class Perimeter:
    """Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away: frozenset[str] = frozenset()
        self._unread: dict[str, float] = {}
        self._remembering: frozenset[str] = frozenset()
        self._sensing: frozenset[str] = frozenset()
        self._known: tuple[int, frozenset[str], dict[str, str]] = (-1, frozenset(), {})

    def set_away(self, device: str, *, away: bool) -> None:
        """Note that a device is away, or that it is back; then its memory, if it has one, is to be read."""
        with self._lock:
            was_away, self._away = device in self._away, self._away | {device} if away else self._away - {device}
            if was_away and not away and device in self._remembering:
                self._unread[device] = time.monotonic() + _READ_AFTER_S

    def know(self, device: str, *, has_memory: bool, senses_passage: bool) -> None:
        """Note whether a device keeps what it decides while it is away, and whether it reports passages."""
        with self._lock:
            self._remembering = self._remembering | {device} if has_memory else self._remembering - {device}
            self._sensing = self._sensing | {device} if senses_passage else self._sensing - {device}

    def senses(self, gate: str) -> bool:
        """Return True for a gate that reports passages."""
        return gate in self._sensing

    def read_old(self, device: str) -> None:
        """Note that a device has just given something old."""
        with self._lock:
            if device in self._unread:
                self._unread[device] = time.monotonic() + _READ_AFTER_S

    def is_away(self, device: str) -> bool:
        """Return True for a device that is away."""
        return device in self._away

    def unsure(self, rules: Snapshot) -> dict[str, str]:
        """Return the zones at whose edge a device is away or unread, each with that device."""
        with self._lock:
            if not self._away and not self._unread:
                return {}
            now = time.monotonic()
            self._unread = {device: until for device, until in self._unread.items() if until > now}
            devices = self._away | frozenset(self._unread)
            version, known, found = self._known
            if (version, known) != (rules.version, devices):
                found = self._find(devices, rules)
                self._known = (rules.version, devices, found)
            return found

    def _find(self, devices: frozenset[str], rules: Snapshot) -> dict[str, str]:
        by_portal = {portal.name: self._device_of(portal, devices) for portal in rules.portals.values()}
        found = {}
        for zone in rules.zones:
            absent = {by_portal.get(portal) for portal in rules.zone_map.perimeter(zone)} - {None}
            if absent:
                found[zone] = str(min(filter(None, absent)))
        return found

    def _device_of(self, portal: Portal, devices: frozenset[str]) -> str | None:
        """Return the device of a portal that is missing: its gate, or a console there that decides alone."""
        alone = {point.device for point in portal.access_points} & self._remembering
        return min(({portal.gate} | alone) & devices, default=None)

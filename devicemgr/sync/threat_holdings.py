"""Which devices that decide by themselves hold only the people whom the threats in force allow."""

import threading
from collections.abc import Mapping

from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.rules.threats.device_doors import threats_at
from devicemgr.domain.rules.threats.threat import Standing
from devicemgr.errors import DevicemgrError
from devicemgr.site.site import Site
from devicemgr.store.site import device_sync, devices as device_store
from devicemgr.sync.device_sync import HolderSync
from devicemgr.sync.keepers import keeper_of

_Heeded = Mapping[str, Standing]


class ThreatHoldings:
    """Any thread. A device of which nothing is known since the start follows no threat."""

    def __init__(self, site: Site, rules: Rulebook) -> None:
        self._site, self._rules = site, rules
        self._lock = threading.Lock()
        self._done: dict[str, _Heeded] = {}
        self._asks: set[str] = set()

    def follow(self, name: str, sync: HolderSync, *, is_done: bool) -> None:
        """Note what a device was brought to hold, and whether it takes part at all."""
        with self._lock:
            takes_part = not sync.keeps_no_people() and sync.decides
            (self._asks.discard if takes_part else self._asks.add)(name)
            if is_done:
                self._done[name] = sync.heeded

    def pending(self) -> frozenset[str]:
        """Return the devices that have people and do not follow the threats that are in force now."""
        rules = self._rules.current
        with self._lock:
            done, asks = dict(self._done), set(self._asks)
        found = {name for name, heeded in done.items() if heeded and name not in asks}
        holding: frozenset[str] = frozenset()
        if rules.threat_at:
            found |= self._holders() - asks
            holding = self._holding_others()
        return frozenset(
            name
            for name in found
            if done.get(name, {}) != threats_at(name, rules) or (name in holding and threats_at(name, rules))
        )

    def _holding_others(self) -> frozenset[str]:
        """Return the devices that still hold people who are to be removed: a later run leaves out what they refused."""
        try:
            with self._site.database.read() as session:
                return frozenset(name for name, found in device_sync.counts(session).items() if found["revoked"])
        except DevicemgrError:
            return frozenset()

    def _holders(self) -> set[str]:
        """Return the devices that hold people and decide by themselves, as far as the store says."""
        try:
            with self._site.database.read() as session:
                holding = {device_id for device_id, _ in device_sync.devices_with_records(session)}
                rows = [row for row in device_store.devices(session) if row.id in holding]
                return {row.name for row in rows if keeper_of(self._site, row).decides}
        except DevicemgrError:
            return set()

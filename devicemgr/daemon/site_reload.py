"""Bring a changed site into force: rules, gallery, devices, camera lanes."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence

from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.daemon.camera_lanes import CameraLanes
from devicemgr.devices.supervisor import Supervisor
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DevicemgrError
from devicemgr.recognition.workers.pool import RecognizerPool
from devicemgr.site.site import Site
from devicemgr.store.database import Session, revision
from devicemgr.store.site import devices as device_store, settings

log = logging.getLogger(__name__)


class SiteReload:
    """Compares the stored revision with the one in force; any thread may call `refresh`.

    `followers` run after each change that was brought into force, outside the lock.
    """

    def __init__(
        self,
        site: Site,
        rules: Rulebook,
        pool: RecognizerPool,
        fires: FireWatch,
        access: AccessPipeline,
        supervisor: Supervisor,
        lanes: CameraLanes,
        followers: Sequence[Callable[[], object]],
    ) -> None:
        self._site = site
        self._rules = rules
        self._pool = pool
        self._fires = fires
        self._access = access
        self._supervisor = supervisor
        self._lanes = lanes
        self._followers = followers
        self._refreshing = threading.Lock()
        self._revision = -1

    def refresh(self) -> None:
        """Bring what was stored since the last call into force; one at a time, or two would start the same device."""
        with self._refreshing:
            with self._site.database.read() as session:
                found = revision(session)
                if found == self._revision:
                    return
                configs = list(self._readable_devices(session))
                found_settings = settings.load(session)
            self._site.ledger.allow_known = found_settings.on_storage_failure == "allow_known"
            try:
                self._rules.refresh()
            finally:  # a right that can't be read must not keep a withdrawn face
                self._site.gallery.refresh()
                self._pool.set_encoder(self._site.parts.encoder_of(self._site.gallery.own))
            for fact in self._fires.set_devices(self._site.parts.catalog, configs, found_settings.fire_wait_s):
                self._site.ledger.submit(fact)
            self._access.alarms.set_devices(configs)
            self._supervisor.set_devices(configs)
            self._lanes.refresh({config.name for config in configs})
            self._revision = found
        for follow in self._followers:
            follow()

    def _readable_devices(self, session: Session) -> Iterator[DeviceConfig]:
        for row in device_store.devices(session):
            try:
                yield device_store.device_config(row, self._site.vault)
            except DevicemgrError as error:
                log.error("device %s is left out: %s", row.name, error)

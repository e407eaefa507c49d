"""All sabotages, by area."""

from tests.sabotage.areas import (
    access,
    api,
    build,
    devices,
    drivers,
    hikvision,
    ledger,
    muster,
    onvif,
    people,
    quorum,
    replay,
    reports,
    rules,
    storage,
    threats,
    visitors,
    zones,
)
from tests.sabotage.sabotage import Sabotage

SABOTAGES: tuple[Sabotage, ...] = (
    *access.SABOTAGES,
    *api.SABOTAGES,
    *build.SABOTAGES,
    *devices.SABOTAGES,
    *drivers.SABOTAGES,
    *hikvision.SABOTAGES,
    *ledger.SABOTAGES,
    *muster.SABOTAGES,
    *onvif.SABOTAGES,
    *people.SABOTAGES,
    *quorum.SABOTAGES,
    *replay.SABOTAGES,
    *reports.SABOTAGES,
    *rules.SABOTAGES,
    *storage.SABOTAGES,
    *threats.SABOTAGES,
    *visitors.SABOTAGES,
    *zones.SABOTAGES,
)

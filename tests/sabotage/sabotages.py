"""All sabotages, by area."""

from tests.sabotage.areas import access, api, build, devices, drivers, ledger, onvif, people, rules, storage
from tests.sabotage.sabotage import Sabotage

SABOTAGES: tuple[Sabotage, ...] = (
    *access.SABOTAGES,
    *api.SABOTAGES,
    *build.SABOTAGES,
    *devices.SABOTAGES,
    *drivers.SABOTAGES,
    *ledger.SABOTAGES,
    *onvif.SABOTAGES,
    *people.SABOTAGES,
    *rules.SABOTAGES,
    *storage.SABOTAGES,
)

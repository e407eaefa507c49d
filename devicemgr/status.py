"""What `status` answers, with a daemon and without."""

from collections.abc import Mapping
from typing import Any

from devicemgr import __version__
from devicemgr.face_ports import Gallery
from devicemgr.store import holdings, ledger_rows, seals
from devicemgr.store.database import Database
from devicemgr.supervisor import DeviceState, Health
from devicemgr.text import rfc3339


def device_json(state: DeviceState, revoked: Mapping[str, int]) -> dict[str, Any]:
    """One device of `status`; `revoked` people are those whom it still holds and should not."""
    return {
        "name": state.name, "kind": state.kind, "state": str(state.health), "cause": state.cause,
        "since": rfc3339(state.since), "revoked": revoked.get(state.name, 0),
    }  # fmt: skip


def revoked(database: Database) -> dict[str, int]:
    """By device, how many people are still to be removed from it."""
    with database.read() as session:
        return {name: found["revoked"] for name, found in holdings.counts(session).items() if found["revoked"]}


def gallery_json(gallery: Gallery) -> dict[str, Any]:
    """The gallery of `status`."""
    stats = gallery.stats()
    return {
        "people": stats.people, "templates": stats.templates, "model": stats.model, "threshold": stats.threshold,
    }  # fmt: skip


def ledger_json(database: Database) -> dict[str, Any]:
    """The ledger of `status`."""
    with database.read() as session:
        sealed = seals.last(session)
        return {"seq": ledger_rows.head(session)[0], "sealed_at": sealed.time if sealed else None}


def daemon_json(*, running: bool, ready: bool, uptime_s: float, stuck_threads: int = 0) -> dict[str, Any]:
    """The daemon of `status`; `stuck_threads` hang in drivers and were replaced."""
    return {
        "running": running, "ready": ready, "version": __version__, "uptime_s": round(uptime_s, 1),
        "stuck_threads": stuck_threads,
    }  # fmt: skip


def revoked_alarms(revoked: Mapping[str, int]) -> list[dict[str, Any]]:
    """Devices that could still let in whom they should not."""
    return [
        {"kind": "device_holds_revoked", "device": name, "cause": f"it still holds {count} revoked people"}
        for name, count in sorted(revoked.items())
    ]


def alarms(
    devices: list[DeviceState],
    *,
    storage_failing: bool,
    fire: bool,
    unread: str | None = None,
    revoked: Mapping[str, int] | None = None,
    unsealed: str | None = None,
) -> list[dict[str, Any]]:
    """What a guard should see first."""
    found = [
        {"kind": f"device_{state.health}", "device": state.name, "cause": state.cause, "since": rfc3339(state.since)}
        for state in devices
        if state.health in (Health.OFFLINE, Health.QUARANTINED, Health.DEGRADED)
    ]
    found += revoked_alarms(revoked or {})
    if unsealed is not None:
        found.insert(0, {"kind": "ledger_not_sealed", "cause": unsealed})
    if unread is not None:
        found.insert(0, {"kind": "site_not_read", "cause": f"changes of people and site are not in force: {unread}"})
    if storage_failing:
        found.insert(0, {"kind": "storage_failed", "cause": "events can't be stored; nothing is opened by face"})
    if fire:
        found.insert(0, {"kind": "fire_release", "cause": "a fire input is active"})
    return found

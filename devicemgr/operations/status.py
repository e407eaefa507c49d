"""What `status` answers, with a daemon and without."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr import __version__
from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Portal
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.passage_state import StateName
from devicemgr.errors import Hint, StorageFailed
from devicemgr.people.cards import shared as shared_cards
from devicemgr.people.sources import state as source_states
from devicemgr.site.hours import calendar_refresh
from devicemgr.site.outlets import progress
from devicemgr.site.site import Site
from devicemgr.store.database import Database
from devicemgr.store.ledger import events, seals
from devicemgr.store.site import device_sync
from devicemgr.text import counted, rfc3339

_DISPUTED_FOR = timedelta(hours=24)


def device_json(state: DeviceState, revoked: Mapping[str, int], threat_pending: Collection[str] = ()) -> dict[str, Any]:
    """One device of `status`; `revoked` people are those whom it still holds and should not."""
    return {
        "name": state.name,
        "kind": state.kind,
        "state": str(state.health),
        "cause": state.cause,
        "hint": _hint_json(state),
        "since": rfc3339(state.since),
        "revoked": revoked.get(state.name, 0),
        "threat_pending": state.name in threat_pending,
    }


def portal_json(
    portal: Portal, rules: Rulebook, state_of: Callable[[str], str], door_of: Callable[[Portal], str | None]
) -> dict[str, Any]:
    """Return one portal of `status`: the guard's mode, and the mode in force and why."""
    return {
        "name": portal.name,
        "mode": str(portal.mode),
        "state": state_of(portal.name),
        "door": door_of(portal),
        **rules.mode_of(portal).as_json(),
    }


def portals_json(
    rules: Rulebook, state_of: Callable[[str], str], door_of: Callable[[Portal], str | None]
) -> list[dict[str, Any]]:
    """Return the portals of `status`."""
    return [portal_json(portal, rules, state_of, door_of) for _, portal in sorted(rules.current.portals.items())]


def threats_json(rules: Snapshot) -> list[dict[str, Any]]:
    """Return the threats in force, the one that counts most first."""
    found = [
        {
            "name": name,
            "order": rules.threats[name].order if name in rules.threats else 0,
            "scope": sorted(one.scope),
            "since": rfc3339(one.since),
            "reason": one.reason,
            "by": one.actor,
        }
        for name, one in sorted(rules.threats_in_force.items())
    ]
    return sorted(found, key=lambda one: -int(str(one["order"])))


def threat_alarms(rules: Snapshot) -> list[dict[str, Any]]:
    """Return an alarm for each threat in force."""
    return [
        {
            "kind": Kind.THREAT_SET,
            "threat": one["name"],
            "cause": f"threat {one['name']} is in force for {', '.join(one['scope'])}: {one['reason']}",
            "since": one["since"],
        }
        for one in threats_json(rules)
    ]


def _hint_json(state: DeviceState) -> dict[str, object] | None:
    return state.hint.as_json() if state.hint else None


def revoked(database: Database) -> dict[str, int]:
    """By device, how many people are still to be removed from it; nothing while the database can't be read."""
    try:
        with database.read() as session:
            return {name: found["revoked"] for name, found in device_sync.counts(session).items() if found["revoked"]}
    except StorageFailed:
        return {}


def gallery_json(gallery: Gallery) -> dict[str, Any]:
    """Return the gallery of `status`."""
    stats = gallery.stats()
    return {
        "people": stats.people,
        "templates": stats.templates,
        "model": stats.model,
        "threshold": stats.threshold,
    }


def ledger_json(database: Database) -> dict[str, Any]:
    """Return the ledger of `status`; seq 0 while the database can't be read."""
    try:
        with database.read() as session:
            sealed = seals.last(session)
            return {"seq": events.head(session)[0], "sealed_at": sealed.time if sealed else None}
    except StorageFailed:
        return {"seq": 0, "sealed_at": None}


def daemon_json(*, running: bool, ready: bool, uptime_s: float, stuck_threads: int = 0) -> dict[str, Any]:
    """Return the daemon of `status`; `stuck_threads` hang in drivers and were replaced."""
    return {
        "running": running,
        "ready": ready,
        "version": __version__,
        "uptime_s": round(uptime_s, 1),
        "stuck_threads": stuck_threads,
    }


def revoked_alarms(revoked: Mapping[str, int]) -> list[dict[str, Any]]:
    """Devices that could still let in whom they should not."""
    return [
        {
            "kind": "device_holds_revoked",
            "device": name,
            "cause": f"it still holds {counted(count, 'revoked person', 'revoked people')}",
        }
        for name, count in sorted(revoked.items())
    ]


def disputed_alarms(database: Database) -> list[dict[str, Any]]:
    """Portals where a console decided otherwise than the rules within the last day."""
    since = datetime.now(UTC) - _DISPUTED_FOR
    try:
        with database.read() as session:
            found = events.counts_by_portal(session, Kind.DECISION_DISPUTED, rfc3339(since))
    except StorageFailed:
        return []
    return [
        {
            "kind": "decision_disputed",
            "portal": portal,
            "cause": f"{counted(count, 'decision')} of a console in the last 24 h did not follow the rules",
            "hint": Hint("list_disputed").as_json(),
        }
        for portal, count in found.items()
    ]


def shared_card_alarms(database: Database) -> list[dict[str, Any]]:
    """Return an alarm for each card that two people hold."""
    return [
        {
            "kind": "card_shared",
            "cause": found.cause,
            "people": [{"badge": found.badge}, {"badge": found.other_badge}],
            "hint": found.hint.as_json(),
        }
        for found in shared_cards.find(database)
    ]


def calendar_alarms(site: Site) -> list[dict[str, Any]]:
    """Return an alarm for each calendar whose file was not read for a week, or is held; none without a database."""
    try:
        return calendar_refresh.alarms(site)
    except StorageFailed:
        return []


def _hinted(hint: Hint | None) -> dict[str, Any]:
    return {"hint": hint.as_json()} if hint else {}


def storage_alarms(site: Site) -> list[dict[str, Any]]:
    """Return what stands between events and the database, and its last good copy."""
    found, ledger = [], site.ledger
    if site.database.frozen:
        found.append(
            {"kind": "database_quarantined", "cause": site.database.frozen} | _hinted(site.database.frozen_hint)
        )
    elif site.snapshots.failing:
        found.append({"kind": "snapshot_failed", "cause": site.snapshots.failing})
    if ledger.failing:
        opened = "known people are let in" if ledger.allow_known and not ledger.spill_cause else "nothing is opened"
        found.append(
            {"kind": "storage_failed", "cause": f"events can't be stored, and {opened} until then: {ledger.cause}"}
        )
    if ledger.spill_cause:
        found.append({"kind": "spill_failed", "cause": f"events could only wait in memory: {ledger.spill_cause}"})
    return found


GATE_OFFLINE, CHANNEL_MISSING = "portal_gate_offline", "portal_channel_missing"
# What `status` shows of such a portal instead of "idle": nothing opens there.
_STATE_BY_ALARM = {GATE_OFFLINE: "offline", CHANNEL_MISSING: "no_channel"}


def portal_alarms(
    rules: Snapshot, devices: Iterable[DeviceState], channels_of: Callable[[str], int | None]
) -> list[dict[str, Any]]:
    """Return the portals whose gate is away, or has no such channel: they do nothing that a guard asks for."""
    states = {state.name: state for state in devices}
    found: list[dict[str, Any]] = []
    for name, portal in sorted(rules.portals.items()):
        state, channels = states.get(portal.gate), channels_of(portal.gate)
        where = {"portal": name, "device": portal.gate}
        if state is not None and state.health in (Health.OFFLINE, Health.QUARANTINED):
            cause = f"its gate {portal.gate} is {state.health}: {state.cause or 'see its alarm'}"
            found.append({"kind": GATE_OFFLINE, **where, "cause": cause, "since": rfc3339(state.since)})
        if channels is not None and portal.channel > channels:
            has = f"channels 1 to {channels}" if channels else "no channels"
            cause, hint = f"{portal.gate} has {has}, not {portal.channel}", Hint("edit_portal_gate", name=name)
            found.append({"kind": CHANNEL_MISSING, **where, "cause": cause, "hint": hint.as_json()})
    return found


def state_by_gate(state_of: Callable[[str], str], found: Iterable[Mapping[str, Any]]) -> Callable[[str], str]:
    """Return a portal's state: offline or no_channel instead of idle where `portal_alarms` found that of its gate."""
    dead = {alarm["portal"]: _STATE_BY_ALARM[alarm["kind"]] for alarm in found}

    def state(portal: str) -> str:
        followed = state_of(portal)
        return dead.get(portal, followed) if followed == StateName.IDLE else followed

    return state


def alarms(
    site: Site, devices: list[DeviceState], revoked: Mapping[str, int], *, fire: bool, unread: str | None
) -> list[dict[str, Any]]:
    """Return what a guard should see first."""
    found: list[dict[str, Any]] = [{"kind": "fire_release", "cause": "a fire input is active"}] if fire else []
    found += storage_alarms(site)
    if unread is not None:
        found.append({"kind": "site_not_read", "cause": f"changes of people and site are not in force: {unread}"})
    if site.sealer.failing is not None:
        found.append({"kind": "ledger_not_sealed", "cause": site.sealer.failing})
    found += [
        {
            "kind": f"device_{state.health}",
            "device": state.name,
            "cause": state.cause,
            "hint": _hint_json(state),
            "since": rfc3339(state.since),
        }
        for state in devices
        if state.health in (Health.OFFLINE, Health.QUARANTINED, Health.DEGRADED)
    ]
    found += revoked_alarms(revoked) + shared_card_alarms(site.database) + calendar_alarms(site)
    found += disputed_alarms(site.database) + source_states.alarms(site.database)
    return found + progress.alarms(site.database)


def of_daemon(
    site: Site,
    daemon: dict[str, Any],
    devices: list[DeviceState],
    rules: Rulebook,
    state_of: Callable[[str], str],
    unread: str | None,
    door_of: Callable[[Portal], str | None],
    threat_pending: Collection[str],
) -> dict[str, Any]:
    """Return the whole of `status` with a daemon, also while the database can't be read."""
    held = revoked(site.database)
    return {
        "daemon": daemon,
        "devices": [device_json(state, held, threat_pending) for state in devices],
        "portals": portals_json(rules, state_of, door_of),
        "threats": threats_json(rules.current),
        "gallery": gallery_json(site.gallery.current),
        "ledger": ledger_json(site.database),
        "outlets": progress.listed(site.database),
        "alarms": threat_alarms(rules.current)
        + alarms(site, devices, held, fire=rules.current.fire_active, unread=unread),
    }

"""Checks of the box, the home and each device; each answer says what is wrong and what to do."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devicemgr.domain.model import DeviceConfig, Direction, Requirement
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import Enforcement
from devicemgr.errors import DevicemgrError, Hint
from devicemgr.ledger import verification
from devicemgr.ledger.sealer import read_key
from devicemgr.operations import doctor_host
from devicemgr.operations.autonomy import rules_kept, zone_at_risk
from devicemgr.operations.doctor_host import Advised, Finding, run
from devicemgr.people.cards import shared as shared_cards
from devicemgr.recovery import backup
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.database import get_meta
from devicemgr.store.people import consents, face_models, people
from devicemgr.store.site import (
    calendars as calendar_store,
    devices as device_store,
    portals as portal_store,
    provisioning,
    zones as zone_store,
)
from devicemgr.text import counted, rfc3339

_TEST_S = 20.0
# A file of gigabytes takes minutes to look through; every snapshot does it to the end.
_DATABASE_S = 1.0
_CONSENT_DAYS = 14
_CALENDAR_DAYS = 30
SKEW_S = 5.0


def examine(site: Site, runtime: Runtime) -> list[dict[str, Any]]:
    """All checks: `{"check", "ok", "detail", "fix", "hint"}`."""
    return [
        *doctor_host.examine(site.home),
        run("time", lambda: _time(site)),
        run("database", lambda: _database(site)),
        run("quarantine", lambda: _quarantine(site)),
        run("ledger", lambda: _ledger(site)),
        run("consents", lambda: _consents(site)),
        run("cards", lambda: _cards(site)),
        run("calendars", lambda: _calendars(site)),
        run("zones", lambda: _zones(site)),
        run("devices alone", lambda: _alone(site, runtime)),
        run("duress", lambda: _duress(site)),
        run("backups", lambda: _backups(site)),
        run("face model", lambda: _face_model(site)),
        run("daemon", lambda: _daemon(runtime)),
        run("alarms", lambda: _alarms(runtime)),
        run("profiles", lambda: _profiles(site)),
        *_devices(site, runtime),
    ]


def _time(site: Site) -> str:
    if behind := site.clock.behind_s:
        raise Finding(
            f"the clock is {behind:.0f} s behind the time that was reached; rights are judged by that",
            "set the clock",
            Hint("accept_clock"),
        )
    if ahead := site.clock.ahead_s:
        raise Finding(
            f"the clock has jumped {ahead:.0f} s ahead of the time that was reached; a right must hold by both times",
            "set the clock",
            Hint("accept_clock"),
        )
    return "agrees with the time that was reached"


def _database(site: Site) -> str:
    if site.database.frozen:
        raise Finding(site.database.frozen, "stop the daemon", site.database.frozen_hint)
    damage, is_finished = site.database.damage(_DATABASE_S)
    if damage:
        raise Finding(f"the database is damaged: {damage}", "stop the daemon and restore the last backup")
    if not is_finished:
        return (
            f"of this version; no damage found within {_DATABASE_S:.0f} s, and the next snapshot looks through the rest"
        )
    return "whole, and of this version"


def _quarantine(site: Site) -> str:
    folder = site.home.quarantine
    count = len(list(folder.iterdir())) if folder.is_dir() else 0
    if count and not site.database.frozen:
        detail = f"in {folder} lies {counted(count, 'quarantined database')}, with every person"
        raise Finding(detail, "delete that folder when it is no longer needed")
    return "no database had to be quarantined" if not count else f"see {folder}"


def _ledger(site: Site) -> str | Advised:
    """Check the newest part of the ledger: the whole of it takes minutes on a site of some years."""
    found = verification.check_recent(site.ledger, site.database, read_key(site.home.seal_key))
    if found.flaw:
        detail = f"event {found.flaw.seq}: {found.flaw.why}"
        raise Finding(detail, "keep a copy of the database and find out who changed it")
    start = f" from event {found.after + 1} on" if found.after else ""
    detail = f"{counted(found.checked, 'event')}{start}, the chain holds"
    return Advised(detail, Hint("verify_audit_whole")) if start else detail


def _consents(site: Site) -> str:
    soon = rfc3339(datetime.now(UTC) + timedelta(days=_CONSENT_DAYS))
    with site.database.read() as session:
        ending = consents.ending(list(people.all_rows(session)), soon)
        ended = [row for row in ending if consents.in_force(row) is None]
    if ending:
        soon_count, count = counted(len(ending) - len(ended), "consent"), counted(len(ended), "consent")
        detail = f"{soon_count} will end within {_CONSENT_DAYS} days; {count} over, with the face off"
        raise Finding(detail, hint=Hint("renew_consents", days=_CONSENT_DAYS))
    return f"none ends within {_CONSENT_DAYS} days"


def _cards(site: Site) -> str:
    if found := shared_cards.find(site.database):
        detail = f"{counted(len(found), 'card')} held by two people under two notations: {found[0].cause}"
        raise Finding(detail, hint=found[0].hint)
    return "each is one person's"


def _duress(site: Site) -> str:
    """Say where no one can signal duress by a PIN; a site may want it so."""
    with site.database.read() as session:
        wanted = {row.name: portal_store.portal_model(row).require for row in portal_store.portals(session)}
    faces = [name for name, require in sorted(wanted.items()) if require in (Requirement.ANY, Requirement.FACE)]
    if faces:
        return f"portals that take a face alone have no duress signal: {', '.join(faces)}"
    return "no portal takes a face alone"


def _calendars(site: Site) -> str | Advised:
    """Look for calendars in use whose last day comes soon: after it, holidays would open like other days."""
    soon = datetime.now(UTC).date() + timedelta(days=_CALENDAR_DAYS)
    with site.database.read() as session:
        used = [row for row in calendar_store.calendars(session) if calendar_store.schedules_with(session, row.name)]
        last_days = {row.name: max((day.date for day in calendar_store.days(row)), default=None) for row in used}
    for name, last in last_days.items():
        if last is None or last < soon:
            detail = f"calendar '{name}' has no day after {last}" if last else f"calendar '{name}' has no days"
            return Advised(f"{detail}; add those of the coming year", Hint("edit_calendar", name=name))
    return f"those in use reach over the next {_CALENDAR_DAYS} days"


def _zones(site: Site) -> str:
    """Name a portal by which people leave a zone of hard anti-passback unnamed: they can't come in again."""
    with site.database.read() as session:
        zones = {row.name: zone_store.zone_model(row, "UTC") for row in zone_store.zones(session)}
        portals = {row.name: portal_store.portal_model(row) for row in portal_store.portals(session)}
    tree = ZoneMap(zones, portals)
    for name, portal in sorted(portals.items()):
        sides = tree.sides(name, Direction.ENTRY)
        entered = tree.entered(*sides) if sides else ()
        hard = [zone for zone in entered if zones[zone].anti_passback is Enforcement.HARD]
        if hard and not any(point.direction is Direction.EXIT for point in portal.access_points):
            raise Finding(
                f"zone {hard[0]} refuses a second entry, and who leaves by {name}, which has no reader or camera at "
                "its exit, stays recorded inside",
                "add a reader at its exit, make anti_passback soft, or let presence be forgotten",
                Hint("edit_portal", name=name),
            )
    return f"{counted(len(zones), 'zone')}, none with hard anti-passback and an exit without a reader"


def _alone(site: Site, runtime: Runtime) -> str:
    """Name a zone whose hard anti-passback or limit of people depends on a device that decides alone."""
    rules = runtime.rules()
    with site.database.read() as session:
        rows = list(device_store.devices(session))
        configs = [DeviceConfig(row.id, row.name, row.driver, row.address, options=dict(row.options)) for row in rows]
    alone = 0
    for config in configs:
        kept = rules_kept(site.parts.catalog, config, rules)
        alone += kept.decides_alone
        if found := zone_at_risk(config, kept, rules):
            zone, rule = found
            raise Finding(
                f"{config.name} decides alone and can't keep {rule} of zone {zone}; what it lets in against that is "
                "recorded when its memory is read",
                "let it ask here (its options), or take zone rules there as a record only",
                Hint("edit_device", name=config.name),
            )
    return f"{counted(alone, 'device')} that decide alone, none at a zone with hard anti-passback or a limit"


def _backups(site: Site) -> str | Advised:
    with site.database.read() as session:
        last, owed = backup.last(session), get_meta(session, backup.OWED)
    if last is None:
        return Advised("none was made yet", Hint("make_backup"))
    if owed:
        detail = f"a person was erased, or withdrew their face, and {last['keys']} could not be rewritten"
        raise Finding(detail, "make a backup, which rewrites it, and delete every copy of the file before")
    return f"the last one is of {last['made']}"


def _face_model(site: Site) -> str:
    """Check the file of a model of one's own against the digest that was pinned when it was put in force."""
    with site.database.read() as session:
        own = face_models.active(session)
    if own is None:
        return "the product's own"
    try:
        with Path(own.path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Finding(f"{own.path} can't be read ({error.strerror})", "put the model's file back") from error
    if found != own.sha256:
        raise Finding(
            f"{own.path} is not the file that was put in force: it was swapped or is damaged",
            "put the model's file back, or migrate to another model",
            Hint("migrate_model"),
        )
    return f"{own.name}, as it was put in force"


def _profiles(site: Site) -> str:
    """Check that each device is set up to the end: one whose new password was on its way may have it."""
    with site.database.read() as session:
        phases = provisioning.phases(session)
    left = sorted(name for name, phase in phases.items() if phase != "done")
    if left:
        names = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        raise Finding(f"not set up to the end: {names}", hint=Hint("provision_devices", names=left[:5]))
    return f"{counted(len(phases), 'device')} set up by a profile"


def _daemon(runtime: Runtime) -> str:
    if not runtime.running:
        raise Finding("no daemon runs", hint=Hint("start_daemon"))
    return f"running for {runtime.status()['daemon']['uptime_s']:.0f} s"


def _alarms(runtime: Runtime) -> str:
    """Check what `status` shows; without a daemon that alone is the check before this one."""
    found = [alarm for alarm in runtime.status()["alarms"] if alarm["kind"] != "daemon_not_running"]
    if found:
        where = [f"{alarm['kind']} {_where(alarm)}".strip() for alarm in found[:5]]
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise Finding(f"{counted(len(found), 'standing alarm')}: {', '.join(where)}{more}", hint=Hint("show_status"))
    return "none stands"


def _where(alarm: Mapping[str, Any]) -> str:
    return next((alarm[name] for name in ("portal", "device", "calendar", "source") if alarm.get(name)), "")


def _devices(site: Site, runtime: Runtime) -> Iterator[dict[str, Any]]:
    with site.database.read() as session:
        names = [row.name for row in device_store.devices(session)]
    for name in names:
        yield run(f"device {name}", lambda name=name: _device(runtime, name))  # type: ignore[misc]


def _device(runtime: Runtime, name: str) -> str:
    try:
        found = runtime.call_device(name, lambda device: device.check(), _TEST_S)
    except DevicemgrError as error:
        raise Finding(str(error), hint=Hint("read_device", name=name)) from error
    skew = skew_of(found)
    if abs(skew) > SKEW_S:
        how = f"{abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        raise Finding(f"it answers, and its clock is {how}", "give it a time server, such as this box")
    return ", ".join(f"{key}={value}" for key, value in list(found.items())[:6]) or f"answers (uid {os.getuid()})"


def skew_of(found: Mapping[str, Any]) -> float:
    """Return a device's clock error in seconds from its `check`; 0 if it reports none."""
    skews = (found.get(name) for name in ("clock_skew_seconds", "clock_skew_s"))
    return next((float(skew) for skew in skews if isinstance(skew, (int, float))), 0.0)

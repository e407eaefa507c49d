"""A furnished site, and changes of its rights through the services that operators use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from devicemgr.access.policy_cache import Rulebook, load_snapshot
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.domain.model import DeviceConfig, FailMode, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.person_details import PersonDetails
from devicemgr.operations.history.snapshots import Past, snapshot_at
from devicemgr.people import consents, erasure_events, face_enrollment, level_grants, service
from devicemgr.people.service import PersonEdit
from devicemgr.site import access_levels, devices, portals, site_entries, site_file
from devicemgr.site.areas import threats, zones
from devicemgr.site.groups import departments
from devicemgr.site.hours import calendars
from devicemgr.site.portals import PortalFields, PortalUpdate
from devicemgr.site.site import Site
from devicemgr.site.site_changes import SiteChanges
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import revision
from devicemgr.store.ledger import events
from devicemgr.store.people import people
from devicemgr.store.people.grants import GrantTerm

# What the rules read and the record holds; names and badges are in no event.
NAMES = {"id", "badge", "name"}
RIGHTS = (
    *("people", "levels", "schedules", "portals", "zones", "interlocks", "threats"),
    *("lanes_side_by_side", "fire_active", "threats_in_force"),
)


class NoGate:
    """Says that each mode was sent."""

    def call(self, *_: object) -> Delivery:
        return Delivery.SENT


class Office:
    """A site with one of each thing."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with self.work() as work:
            for name in ("gate", "gate-2"):
                devices.add_device(work, DeviceConfig("", name, "fake_gate", f"/dev/{name}"))
            access_levels.add_schedule(work, "office", access_levels.schedule_values(["mon-fri 08:00-18:00"], "UTC"))
            access_levels.add_schedule(work, "late", access_levels.schedule_values(["mon-sun 18:00-22:00"], "UTC"))
            zones.add_zone(work, "building", zones.ZoneFields())
            zones.add_zone(work, "lab", zones.ZoneFields(parent="building"))
            for channel, name in enumerate(("main", "side", "lab-door"), 1):
                portals.add_portal(work, name, PortalFields(gate="gate", channel=channel), lambda _: None)
            access_levels.add_level(work, "staff", [("main", "office")])
            access_levels.add_level(work, "crew", [("side", None)])
            threats.add_threat(work, "lockdown", threats.ThreatFields())
            zones.add_interlock(work, "trap", zones.InterlockFields(portals=["main", "side"]))
            departments.set_levels(work, "Sales", ["crew"])
            service.add_person(work, "1", "Anna", levels=["staff"])

    @contextmanager
    def work(self) -> Iterator[UnitOfWork]:
        with unit_of_work(self.site, "operator:test") as work:
            yield work

    def now(self) -> Snapshot:
        with self.site.database.read() as session:
            return load_snapshot(session, revision(session))

    def head(self) -> int:
        with self.site.database.read() as session:
            return events.head(session)[0]

    def past(self, seq: int) -> Past:
        with self.site.database.read() as session:
            return snapshot_at(session, seq)

    def edit_person(self, badge: str = "1", **edit: Any) -> None:
        with self.work() as work:
            service.edit_person(work, badge, PersonEdit(**edit))

    def suspend(self, badge: str = "1", *, suspended: bool = True) -> None:
        with self.work() as work:
            service.set_suspended(work, badge, suspended=suspended)

    def grant(self, level: str, badge: str = "1", *, held: bool = True) -> None:
        with self.work() as work:
            level_grants.set_level(work, badge, level, held=held)

    def host_anna(self) -> None:
        with self.work() as work:
            service.add_person(work, "2", "Bert")
            service.edit_person(work, "1", PersonEdit(details=PersonDetails(kind="visitor", host="2")))

    def grant_for(self, level: str, **limits: Any) -> None:
        with self.work() as work:
            level_grants.grant_level(work, "1", level, GrantTerm(**limits))

    def consent(self, badge: str = "1", form: str = "form-1", until: str | None = None) -> None:
        with self.work() as work:
            terms = consents.agreed(work.session, form, None, until)
            consents.give(work, people.get(work.session, badge), terms)

    def withdraw(self, badge: str = "1") -> None:
        face_enrollment.withdraw(self.site, "operator:test", badge)

    def erase(self, badge: str = "1") -> None:
        face_enrollment.erase(self.site, "operator:test", badge)

    def edit_portal(self, name: str = "main", **fields: Any) -> None:
        with self.work() as work:
            portals.edit_portal(work, name, PortalUpdate(**fields), lambda _: None)

    def edit_zone(self, name: str = "building", **fields: Any) -> None:
        with self.work() as work:
            zones.edit_zone(work, name, fields)

    def edit_schedule(self, name: str = "office", **fields: Any) -> None:
        with self.work() as work:
            access_levels.edit_schedule(work, name, **fields)

    def edit_level(self, name: str = "staff", **edit: Any) -> None:
        with self.work() as work:
            access_levels.edit_level(work, name, access_levels.LevelEdit(**edit))

    def calendar(self, *days: str, name: str = "kz") -> None:
        with self.work() as work:
            calendars.put_calendar(work, name, calendars.checked_days(days))

    def days_of_office(self, *days: str) -> None:
        self.calendar(*days)
        self.edit_schedule(holidays=["@kz"])

    def mode(self, mode: PortalMode, name: str = "main") -> None:
        rules = Rulebook(self.site.database, self.site.parts.catalog)
        PortalModes(self.site, rules, NoGate(), lambda: None).change(name, mode, "operator:test")

    def apply(self, toml: str) -> None:
        """Apply a site's file, as `devicemgr apply` does."""
        wanted = site_entries.checked(self.site, site_file.parse(toml))
        with self.work() as work:
            changes = site_file.changes(site_entries.current(work.session), wanted, prune=False)
            SiteChanges(work, wanted, erasure_events.left_facts, {}).apply(changes)


def without_names(snapshot: Snapshot) -> dict[str, Any]:
    """Return all that the record can give back of a snapshot."""
    found: dict[str, Any] = {name: dict_of(getattr(snapshot, name)) for name in RIGHTS}
    found["people"] = {
        person.id: {one.name: getattr(person, one.name) for one in fields(person) if one.name not in NAMES}
        for person in snapshot.people.values()
    }
    return found


def dict_of(value: Any) -> Any:
    return dict(value) if hasattr(value, "items") else value


Change = Callable[[Office], None]
OF_PERSON: dict[str, Change] = {
    "valid_from": lambda office: office.edit_person(valid_from="2026-01-01T08:00:00Z"),
    "valid_to": lambda office: office.edit_person(valid_to="2036-01-01T08:00:00Z"),
    "suspended": lambda office: office.suspend(),
    "face_consent": lambda office: office.consent(),
    "levels": lambda office: office.grant("crew"),
    "kind": lambda office: office.edit_person(details=PersonDetails(kind="visitor")),
    "host_id": lambda office: office.host_anna(),
    "escort": lambda office: office.edit_person(details=PersonDetails(escort=True)),
    "grants": lambda office: office.grant_for("crew", valid_to="2036-01-01T08:00:00Z", uses=3),
}
OF_LEVEL: dict[str, Change] = {
    "portals": lambda office: office.edit_level(portals=["main", "side"]),
    "waives": lambda office: office.edit_level(waives=["occupancy"]),
    "escorts": lambda office: office.edit_level(escorts=True),
    "escort_up_to": lambda office: office.edit_level(escort_up_to=2),
}
OF_SCHEDULE: dict[str, Change] = {
    "timezone": lambda office: office.edit_schedule(timezone="Asia/Almaty"),
    "windows": lambda office: office.edit_schedule(windows=["mon-fri 09:00-18:00"]),
    "holidays": lambda office: office.days_of_office("2026-12-16 holiday Independence Day"),
    "working": lambda office: office.days_of_office("2026-12-05 working"),
    "short_days": lambda office: office.days_of_office("2026-12-31 short-day 09:00-16:00"),
}
OF_PORTAL: dict[str, Change] = {
    "gate": lambda office: office.edit_portal(gate="gate-2"),
    "channel": lambda office: office.edit_portal(channel=9),
    "access_points": lambda office: office.edit_portal(entry=["gate-2"], exit=["gate-2:2"]),
    "fail": lambda office: office.edit_portal(fail=FailMode.SAFE),
    "release_seconds": lambda office: office.edit_portal(release_seconds=9.0),
    "mode": lambda office: office.mode(PortalMode.LOCKED),
    "require": lambda office: office.edit_portal(require="card+pin"),
    "liveness": lambda office: office.edit_portal(liveness="passive"),
    "frames": lambda office: office.edit_portal(frames=3),
    "lane_group": lambda office: office.edit_portal(lane_group="hall"),
    "console_liveness": lambda office: office.edit_portal(console_liveness="trust"),
    "outside": lambda office: office.edit_portal(outside="outside", inside="building"),
    "inside": lambda office: office.edit_portal(outside="building", inside="lab"),
    "egress": lambda office: office.edit_portal(egress=True),
    "people": lambda office: office.edit_portal(people=2),
    "people_within": lambda office: office.edit_portal(people_within=20.0),
    "people_exit": lambda office: office.edit_portal(people_exit=True),
    "confirm_by": lambda office: office.edit_portal(confirm_by=["crew"]),
    "free": lambda office: office.edit_portal("lab-door", free="office"),
    "free_after": lambda office: office.edit_portal("lab-door", free="office", free_after=["crew"]),
    "collects_cards": lambda office: office.edit_portal(collects_cards=True),
}
OF_ZONE: dict[str, Change] = {
    "parent": lambda office: office.edit_zone("lab", parent=None),
    "anti_passback": lambda office: office.edit_zone(anti_passback="hard"),
    "exit_check": lambda office: office.edit_zone(exit_check="soft"),
    "strict_path": lambda office: office.edit_zone(anti_passback="hard", strict_path=True),
    "again_after_minutes": lambda office: office.edit_zone(again_after_minutes=5),
    "forget_after_minutes": lambda office: office.edit_zone(forget_after_minutes=60),
    "forget_at": lambda office: office.edit_zone(forget_at="04:00", timezone="Asia/Almaty"),
    "timezone": lambda office: office.apply('[site]\ntimezone = "Asia/Almaty"\n'),
    "when_unsure": lambda office: office.edit_zone(when_unsure="hard"),
    "max_people": lambda office: office.edit_zone(max=40),
    "min_people": lambda office: office.edit_zone(min=2),
    "warn_at": lambda office: office.edit_zone(max=40, warn_at=[36]),
    "opens_with": lambda office: office.edit_zone(opens_with=["crew"]),
    "while_present": lambda office: office.edit_zone(opens_with=["crew"], while_present=True),
    "assembly": lambda office: office.edit_zone(assembly=True),
}


def _interlock(**fields: Any) -> Change:
    def change(office: Office) -> None:
        with office.work() as work:
            zones.put_interlock(work, "trap", zones.InterlockFields(**fields))

    return change


def _threat(**given: Any) -> Change:
    def change(office: Office) -> None:
        with office.work() as work:
            threats.edit_threat(work, "lockdown", given)

    return change


OF_THREAT: dict[str, Change] = {
    "order": _threat(order=9),
    "require": _threat(require="card+pin"),
    "allow": _threat(allow=["crew"]),
    "scope": _threat(scope=["building"]),
    "free": _threat(free="keep"),
}
OF_INTERLOCK: dict[str, Change] = {
    "portals": _interlock(portals=["main", "side", "lab-door"]),
    "settle_seconds": _interlock(portals=["main", "side"], settle_seconds=9.0),
}

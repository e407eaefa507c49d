"""Apply the changes of a site's file in one unit of work, each by the service of its kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.zones import Waiver
from devicemgr.site import access_levels, devices, portals, site_file
from devicemgr.site.areas import free_times, threats, zones
from devicemgr.site.groups import departments
from devicemgr.site.hours import calendars
from devicemgr.site.hours.entries import feed_of_entry
from devicemgr.site.hours.feeds import Reading
from devicemgr.site.outlets import changes as outlet_changes
from devicemgr.site.outlets.fields import OutletFields
from devicemgr.site.plans import service as plans
from devicemgr.site.sources import changes as source_changes
from devicemgr.site.sources.fields import SourceFields
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import face_models, samples
from devicemgr.store.site import devices as device_rows, provisioning, settings

Change = Mapping[str, Any]
"""One change of `site_file.changes`."""


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """Changes to make what `wanted` says; `left_facts` is for devices that are removed.

    `readings` are those of calendars that follow a feed which the site does not have yet, `pictures` those of plans
    that get another one.
    """

    work: UnitOfWork
    wanted: site_file.Document
    left_facts: devices.LeftFacts
    readings: Mapping[str, Reading]
    pictures: Mapping[str, plans.NewPicture] = field(default_factory=dict)

    def apply(self, changes: Iterable[Change]) -> None:
        """Make all changes in order; the unit of work keeps or drops them together."""
        makers = {
            "site": self._settings,
            "model": self._model,
            "calendars": self._calendar,
            "schedules": self._schedule,
            "profiles": self._profile,
            "devices": self._device,
            "zones": self._zone,
            "portals": self._portal,
            "interlocks": self._interlock,
            "levels": self._level,
            "threats": self._threat,
            "departments": self._department,
            "sources": self._source,
            "plans": self._plan,
            "outlets": self._outlet,
        }
        for change in changes:
            makers[change["kind"]](change, change["name"])
        self.work.session.flush()
        zones.require_levels(self.work.session)
        portals.require_levels(self.work.session)
        threats.require_levels(self.work.session)
        free_times.require_fitting(self.work.session)

    def _settings(self, change: Change, _: str) -> None:
        session = self.work.session
        fresh = settings.Settings.model_validate(self.wanted["site"] | {"model": settings.load(session).model})
        erased = 0 if fresh.keep_samples else samples.forget_all(session)
        settings.save(session, fresh)
        detail = {"changed": change["fields"]} | ({"samples_erased": erased} if erased else {})
        self.work.record("admin.settings_changed", detail, before=_values(change, 0), after=_values(change, 1))

    def _model(self, change: Change, _: str) -> None:
        """Describe another model; `enroll migrate` goes to it. What is no part of its templates holds at once."""
        session, wanted = self.work.session, self.wanted["model"]
        model = FaceModel.model_validate(wanted) if wanted else None
        settings.save(session, settings.load(session).model_copy(update={"model": model}))
        models = face_models.load(session)
        if model and models.active and model.template_name == models.active.template_name:
            face_models.save(session, models.model_copy(update={"active": model}))
        self.work.record(
            "admin.settings_changed", {"changed": change["fields"]}, before=_values(change, 0), after=_values(change, 1)
        )

    def _calendar(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            calendars.remove_calendar(self.work, name)
        else:
            fields = self.wanted["calendars"][name]
            calendars.put_calendar(self.work, name, fields["days"], feed_of_entry(fields), self.readings.get(name))

    def _schedule(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            access_levels.remove_schedule(self.work, name, checks_portals=False)
        else:
            access_levels.put_schedule(self.work, name, self.wanted["schedules"][name])

    def _profile(self, change: Change, name: str) -> None:
        kind = {"add": "added", "edit": "edited", "remove": "removed"}[change["change"]]
        if change["change"] == "remove":
            provisioning.remove(self.work.session, name)
        else:
            provisioning.save(self.work.session, name, self.wanted["profiles"][name])
        self.work.record(
            f"admin.profile_{kind}",
            {"profile": name} | change["fields"],
            before=_values(change, 0),
            after=_values(change, 1),
        )

    def _device(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            devices.remove_device(self.work, name, self.left_facts)
            return
        fields = self.wanted["devices"][name]
        driver, address, username = fields["driver"], fields["address"], fields.get("username")
        options, profile = fields.get("options", {}), fields.get("profile")
        if change["change"] == "add":
            config = DeviceConfig("", name, driver, address, username, None, options)
            devices.add_device(self.work, config, profile)
            return
        edit = devices.DeviceEdit(address, username, None, options, profile)
        row = device_rows.device(self.work.session, name)
        devices.edit_device(self.work, name, devices.replacing_edit(row, driver, edit))

    def _zone(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            zones.remove_zone(self.work, name)
        else:
            zones.put_zone(self.work, name, zones.ZoneFields(**self.wanted["zones"][name]))

    def _interlock(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            zones.remove_interlock(self.work, name)
        else:
            zones.put_interlock(self.work, name, zones.InterlockFields(**self.wanted["interlocks"][name]))

    def _portal(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            portals.remove_portal(self.work, name)
        else:
            fields = portals.PortalFields(**self.wanted["portals"][name])
            portals.put_portal(self.work, name, fields, _unknown_channels)

    def _level(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            access_levels.remove_level(self.work, name, checks_zones=False)
        else:
            wanted = self.wanted["levels"][name]
            covered = [_coverage(entry) for entry in wanted["portals"]]
            waives, visitors = map(Waiver, wanted.get("waives", ())), wanted.get("visitors", True)
            escorting = access_levels.Escorting(wanted.get("escorts", False), wanted.get("escort_up_to", 5))
            access_levels.put_level(self.work, name, covered, waives, visitors=visitors, escorting=escorting)

    def _threat(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            threats.remove_threat(self.work, name)
        else:
            threats.put_threat(self.work, name, threats.ThreatFields(**self.wanted["threats"][name]))

    def _department(self, change: Change, name: str) -> None:
        wanted = () if change["change"] == "remove" else self.wanted["departments"][name]["levels"]
        departments.set_levels(self.work, name, wanted)

    def _source(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            source_changes.remove_source(self.work, name)
        else:
            source_changes.put_source(self.work, name, SourceFields(**self.wanted["sources"][name]))

    def _plan(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            plans.remove_plan(self.work, name)
        else:
            placements = [plans.Placement(**one) for one in self.wanted["plans"][name]["placements"]]
            plans.put_plan(self.work, name, placements, self.pictures.get(name))

    def _outlet(self, change: Change, name: str) -> None:
        if change["change"] == "remove":
            outlet_changes.remove_outlet(self.work, name)
        else:
            outlet_changes.put_outlet(self.work, name, OutletFields(**self.wanted["outlets"][name]))


def _unknown_channels(_: str) -> int | None:
    """Return None: the same file may give the gate more channels."""
    return None


def _coverage(entry: str) -> access_levels.Coverage:
    portal, _, schedule = entry.partition("@")
    return portal, schedule or None


def _values(change: Change, side: int) -> dict[str, Any]:
    """Return the changed fields as they were (side 0) or as they are (side 1)."""
    return {name: values[side] for name, values in change["fields"].items()}

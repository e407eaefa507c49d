"""Walk from the rights in force back to those of an earlier event, by what administrative events hold of before.

Rights are held as events hold them: for each thing (a person by id, a level, a portal …) its fields by name. Only what
events name is read, so that a walk over a week costs what was changed in it. What an event does not say, such as one of
version 0.1.0, is noted as missing, and is never guessed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from devicemgr.domain.model import JsonValue

Event = Mapping[str, Any]
"""An event's body."""
Fields = dict[str, Any]


class Thing(NamedTuple):
    """What has rights, or gives them: a person by id, all else by name; the site's settings have the name ""."""

    kind: str
    name: str


class Missing(NamedTuple):
    """What is not known of then: a field of a thing, or with `field` "" all of it, because of the event `seq`."""

    thing: Thing
    field: str
    seq: int


class _How(Enum):
    ADDED = auto()
    CHANGED = auto()
    REMOVED = auto()


PEOPLE, SETTINGS = "people", "settings"

_VERBS = {"added": _How.ADDED, "edited": _How.CHANGED, "removed": _How.REMOVED}
_PLACES = {
    name: f"{name}s" for name in ("level", "schedule", "calendar", "portal", "zone", "interlock", "threat")
}  # the field of `detail` that names the thing, and its kind
_RESTORED, _CALIBRATED, _GRANTS_REMOVED = "admin.restored", "admin.gallery_calibrated", "admin.grants_removed"
USE_TAKEN = "use taken"
"""Stands for the passage by which a person took a use of a grant, which `detail.level` names; no kind of event."""

CHANGES: Mapping[str, tuple[str, _How]] = {
    **{f"admin.{place}_{verb}": (kind, how) for place, kind in _PLACES.items() for verb, how in _VERBS.items()},
    "admin.calendar_refreshed": ("calendars", _How.CHANGED),
    "admin.portal_mode": ("portals", _How.CHANGED),
    "admin.settings_changed": (SETTINGS, _How.CHANGED),
    "admin.person_added": (PEOPLE, _How.ADDED),
    "admin.person_erased": (PEOPLE, _How.REMOVED),
    **dict.fromkeys(
        (
            "admin.person_edited",
            "admin.person_suspended",
            "admin.person_resumed",
            "admin.level_granted",
            "admin.level_revoked",
            "admin.department_levels_changed",
            "admin.consent_given",
            "admin.consent_withdrawn",
            "admin.consent_expired",
        ),
        (PEOPLE, _How.CHANGED),
    ),
}
"""The kinds of events that change rights: of which kind of thing, and how. Cards and PINs are no part of it: a recorded
decision says which were shown, and whether the PIN was right."""
KINDS = (*CHANGES, _RESTORED, _CALIBRATED, _GRANTS_REMOVED)


class Walk:
    """Rights on the way back; `present` gives the fields of a thing as they are now, None where it is not there."""

    def __init__(self, present: Callable[[Thing], Fields | None]) -> None:
        self._present = present
        self.changed: dict[Thing, Fields | None] = {}
        self._missing: dict[tuple[Thing, str], Missing] = {}

    @property
    def missing(self) -> list[Missing]:
        """Return what is not known of the rights that the walk has come to."""
        return sorted(self._missing.values())

    def back(self, events: Iterable[Event]) -> None:
        """Undo events of KINDS, the newest first."""
        for event in events:
            if event["kind"] == _RESTORED:
                self._pass_restore(event)
            elif event["kind"] == _CALIBRATED:  # whose faces are alike is in no event
                self._note(Thing("gallery", ""), "lookalikes", event)
            elif event["kind"] == _GRANTS_REMOVED:  # whose they were is in no event
                self._note(Thing("grants", ""), "", event)
            elif event["kind"] == USE_TAKEN:
                self._give_back_use(Thing(PEOPLE, event["person_id"]), event["detail"]["level"])
            elif (thing := thing_of(event)) is not None:
                self._undo(thing, event)

    def _undo(self, thing: Thing, event: Event) -> None:
        how = CHANGES[event["kind"]][1]
        before, after = _fields(event, "before"), _fields(event, "after")
        if how is _How.ADDED:
            self._forget(thing)
            self.changed[thing] = None
        elif how is _How.REMOVED:
            self._forget(thing)
            self.changed[thing] = dict(before or {})
            if before is None:
                self._note(thing, "", event)
        elif (fields := self._fields_of(thing)) is None:
            self._note(thing, "", event)
        elif before is None and after is None:
            self._undo_without_values(thing, fields, event)
        elif thing.kind == "calendars":
            fields["days"] = _days_before(fields.get("days", ()), before or {}, after or {})
        else:
            self._put_back(thing, fields, before or {}, after or {})

    def _put_back(self, thing: Thing, fields: Fields, before: Fields, after: Fields) -> None:
        for name in {**before, **after}:
            self._missing.pop((thing, name), None)
            if name in before:
                fields[name] = before[name]
            else:
                fields.pop(name, None)

    def _undo_without_values(self, thing: Thing, fields: Fields, event: Event) -> None:
        """Undo an event that holds no values: version 0.1.0 named what was changed, and rarely as what."""
        detail = event.get("detail") or {}
        known = _UNDONE.get(event["kind"])
        if known is not None:
            known(fields, detail)
            return
        unknown = _UNSAID.get(event["kind"])
        for name in [""] if unknown is None else unknown(detail):
            self._note(thing, name, event)

    def _give_back_use(self, thing: Thing, level: str) -> None:
        fields = self._fields_of(thing)
        if fields is None:
            return
        fields["grants"] = [
            {**grant, "uses_left": min(grant["uses_left"] + 1, grant["uses"])}
            if grant["level"] == level and grant.get("uses_left") is not None
            else grant
            for grant in fields.get("grants", ())
        ]

    def _pass_restore(self, event: Event) -> None:
        """Note who did not come back with a backup: their events are in it, and their rights are not."""
        detail = event.get("detail") or {}
        for field, what in (("left_out", "people"), ("without_face", "consents")):
            if detail.get(field):
                self._note(Thing("restore", what), "", event)

    def _fields_of(self, thing: Thing) -> Fields | None:
        if thing not in self.changed:
            present = self._present(thing)
            self.changed[thing] = None if present is None else dict(present)
        return self.changed[thing]

    def _note(self, thing: Thing, field: str, event: Event) -> None:
        self._missing[thing, field] = Missing(thing, field, int(event["seq"]))

    def _forget(self, thing: Thing) -> None:
        for key in [key for key in self._missing if key[0] == thing]:
            del self._missing[key]


def thing_of(event: Event) -> Thing | None:
    """Return what an event has changed; None for an event that changes no rights."""
    found = CHANGES.get(event["kind"])
    if found is None:
        return None
    kind, detail = found[0], event.get("detail") or {}
    if kind == SETTINGS:
        return Thing(kind, "")
    if kind == PEOPLE:
        person = event.get("person_id")
        return Thing(kind, person) if person else None
    value = detail.get(kind.removesuffix("s"), event.get("portal"))
    name = value.get("name") if isinstance(value, Mapping) else value
    return Thing(kind, name) if isinstance(name, str) else None


def _fields(event: Event, name: str) -> Fields | None:
    found = (event.get("detail") or {}).get(name)
    return found if isinstance(found, dict) else None


def _days_before(days: Iterable[str], before: Fields, after: Fields) -> list[str]:
    """Return a calendar's days without those that came, and with those that went."""
    return sorted((set(days) - set(after.get("days", ()))) | set(before.get("days", ())))


def _level(*, held: bool) -> Callable[[Fields, Event], None]:
    def undo(fields: Fields, detail: Event) -> None:
        levels, level = set(fields.get("levels", ())), detail.get("level")
        fields["levels"] = sorted(levels | {level} if held else levels - {level})

    return undo


def _suspended(value: bool) -> Callable[[Fields, Event], None]:
    def undo(fields: Fields, _: Event) -> None:
        fields["suspended"] = value

    return undo


def _both_values(fields: Fields, changed: Mapping[str, JsonValue]) -> None:
    """Take the first of two values that an event of 0.1.0 holds of each field."""
    for name, values in changed.items():
        if isinstance(values, list) and len(values) == 2:
            fields[name] = values[0]


_UNDONE: Mapping[str, Callable[[Fields, Event], None]] = {
    "admin.level_granted": _level(held=False),
    "admin.level_revoked": _level(held=True),
    "admin.person_suspended": _suspended(False),
    "admin.person_resumed": _suspended(True),
    "admin.settings_changed": lambda fields, detail: _both_values(fields, detail.get("changed") or {}),
    "admin.schedule_edited": lambda fields, detail: _both_values(fields, _without_name(detail.get("schedule"))),
}


def _without_name(value: object) -> Fields:
    return {key: found for key, found in value.items() if key != "name"} if isinstance(value, dict) else {}


def _of_person(detail: Event) -> Sequence[str]:
    return [name for name in ("valid_from", "valid_to") if name in (detail.get("changed") or ())]


_UNSAID: Mapping[str, Callable[[Event], Sequence[str]]] = {
    "admin.person_edited": _of_person,
    "admin.portal_mode": lambda _: ["mode"],
    "admin.department_levels_changed": lambda _: ["department_levels"],
    "admin.calendar_edited": lambda _: [],  # a feed or names of days, and no day
    "admin.calendar_refreshed": lambda _: ["days"],
    **{f"admin.consent_{how}": lambda _: ["consent"] for how in ("given", "withdrawn", "expired")},
}
"""What such an event leaves open; all of the thing where it is not named here."""

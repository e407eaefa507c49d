"""A model of the rules of zones, written from their description alone: slow, obvious, and without the product's code.

`Reference.fold` takes the record's events one by one; `Reference.refusal` says what must refuse a request, and
`Reference.recorded` what must be recorded of one that is granted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

OUTSIDE = "outside"
Sides = tuple[str, str]


@dataclass
class Asked:
    """A request, and what is known at that moment beside who is where."""

    person: str
    portal: str
    direction: str
    at: datetime
    reserved: list[tuple[str, str, frozenset[str]]]
    not_shut: Mapping[str, str]
    unsure: Mapping[str, str]
    waives: set[str]


@dataclass
class Reference:
    parents: dict[str, str | None]
    rules: dict[str, dict[str, Any]]
    portals: dict[str, tuple[str | None, str | None, bool]]
    groups: dict[str, set[str]]
    where: dict[str, tuple[str | None, datetime]] = field(default_factory=dict)
    extra: dict[str, int] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    entered: dict[str, dict[str, datetime]] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def around(self, place: str | None) -> list[str]:
        """The zone and those that it lies in."""
        found: list[str] = []
        while place is not None and place != OUTSIDE:
            found.append(place)
            place = self.parents[place]
        return found

    def sides(self, portal: str | None, direction: str | None) -> Sides | None:
        outer, inner, _ = self.portals.get(portal or "", (None, None, False))
        if outer is None or inner is None or direction is None:
            return None
        return (outer, inner) if direction == "entry" else (inner, outer)

    def entering(self, sides: Sides) -> list[str]:
        return [zone for zone in self.around(sides[1]) if zone not in self.around(sides[0])]

    def within(self, zone: str) -> list[str]:
        return [one for one in self.parents if zone in self.around(one)]

    def total(self, zone: str) -> int:
        named = sum(1 for place, _ in self.where.values() if zone in self.around(place))
        return named + sum(self.extra.get(one, 0) for one in self.within(zone))

    def senses(self, zone: str) -> bool:
        return not any(zone in self.portals[portal][:2] for portal in self.blind)

    # What an event changes.

    def fold(self, event: Mapping[str, Any]) -> None:
        change = getattr(self, "_" + event["kind"].removeprefix("admin."), None)
        if change is not None:
            change(event, self.sides(event["portal"], event["direction"]), event["detail"])

    def _access_granted(self, event: Mapping[str, Any], sides: Sides | None, detail: Mapping[str, Any]) -> None:
        person = event["person_id"]
        self.erased.discard(person)
        if not detail.get("decided_by") or detail.get("awaits_passage"):
            self.requests[event["request"]] = person
        elif sides and (person not in self.where or event["at"] > self.where[person][1]):
            self._arrive(person, sides, event["at"])

    def _portal_unlocked(self, event: Mapping[str, Any], sides: Sides | None, detail: Mapping[str, Any]) -> None:
        if event["request"] is None:
            return
        is_blind = detail.get("senses_passage") is False
        if is_blind:
            self.blind.add(event["portal"])
        if detail["outcome"] == "unknown":
            self._lose(event, is_over=is_blind)
        elif is_blind:
            self._pass(event, sides)

    def _passage_completed(self, event: Mapping[str, Any], sides: Sides | None, _: object) -> None:
        self.blind.discard(event["portal"])
        self._pass(event, sides)

    def _passage_timed_out(self, event: Mapping[str, Any], *_: object) -> None:
        self.requests.pop(event["request"], None)

    _portal_unlock_failed = _passage_timed_out

    def _portal_unlock_unconfirmed(self, event: Mapping[str, Any], *_: object) -> None:
        self._lose(event, is_over=True)

    def _whereabouts_reset(self, event: Mapping[str, Any], _: object, detail: Mapping[str, Any]) -> None:
        if event["person_id"] is not None:
            self._forgive(event["person_id"], detail["place"], event["at"])
            return
        zones = self.within(detail["zone"]) if "zone" in detail else list(self.parents)
        until = datetime.fromisoformat(detail["before"]) if "before" in detail else event["at"]
        for person, (place, since) in self.where.items():
            if ("zone" not in detail or place in zones) and since <= until:
                self.where[person] = (None, event["at"])
        if detail.get("because") == "forget_after":
            return
        for zone in zones:
            self.extra.pop(zone, None)
            for entries in self.entered.values():
                entries.pop(zone, None)

    def _occupancy_set(self, _: object, __: object, detail: Mapping[str, Any]) -> None:
        self._add(detail["zone"], detail["count"] - self.total(detail["zone"]))

    def _person_erased(self, event: Mapping[str, Any], *_: object) -> None:
        self.erased.add(event["person_id"])
        self.where.pop(event["person_id"], None)
        self.entered.pop(event["person_id"], None)
        self.requests = {one: person for one, person in self.requests.items() if person != event["person_id"]}

    def _lose(self, event: Mapping[str, Any], *, is_over: bool) -> None:
        person = self.requests.get(event["request"])
        if is_over:
            self.requests.pop(event["request"], None)
        if person is not None:
            self.where[person] = (None, event["at"])

    def _forgive(self, person: str, place: str | None, at: datetime) -> None:
        self.entered.pop(person, None)
        if place is not None:
            self._settle(person, place)
        self.where[person] = (place, at)

    def _pass(self, event: Mapping[str, Any], sides: Sides | None) -> None:
        named = None if event["person_id"] in self.erased else event["person_id"]
        person = self.requests.pop(event["request"], named)
        if sides is None:
            return
        if person is not None:
            self._settle(person, sides[0])
            self._arrive(person, sides, event["at"])
            return
        origin, target = sides
        self._add(target, 1)
        self._add(origin, -1)
        if origin != OUTSIDE and not self.senses(origin):
            self._add(origin, max(0, -self.total(origin)))

    def _arrive(self, person: str, sides: Sides, at: datetime) -> None:
        self.where[person] = (sides[1], at)
        for zone in self.entering(sides):
            self.entered.setdefault(person, {})[zone] = at

    def _settle(self, person: str, origin: str) -> None:
        """Explain how someone came from where they were recorded to where they are seen to start."""
        recorded = self.where.get(person, (None,))[0]
        if recorded is None or recorded == origin:
            return
        for zone, by in ((recorded, 1), (origin, -1)):
            if zone != OUTSIDE and (self.senses(zone) or self.extra.get(zone, 0) * by < 0):
                self._add(zone, by)

    def _add(self, zone: str, by: int) -> None:
        if zone != OUTSIDE:
            self.extra[zone] = self.extra.get(zone, 0) + by

    # What a request meets.

    def known(self, person: str, at: datetime) -> str | None:
        place, since = self.where.get(person, (None, at))
        for zone in self.around(place):
            minutes, clock = self.rules[zone]["forget_after_minutes"], self.rules[zone]["forget_at"]
            if minutes and at >= since + timedelta(minutes=minutes):
                return None
            if clock is not None:
                local = at.astimezone(ZoneInfo(self.rules[zone]["timezone"]))
                last = local.replace(hour=clock.hour, minute=clock.minute, second=0)
                if since < (last if last <= local else last - timedelta(days=1)):
                    return None
        return place

    def refusal(self, asked: Asked) -> tuple[str, set[str]] | None:
        """The reason, and the zones or interlocks that give it."""
        is_escape = self.portals[asked.portal][2] and asked.direction == "exit"
        if is_escape:
            return None
        passback = {zone for zone, is_hard in self._passback(asked) if is_hard}
        full = set() if "occupancy" in asked.waives else set(self._full(asked))
        locks = {name for name, members in self.groups.items() if asked.portal in members}
        locked = {name for name in locks if (self.groups[name] - {asked.portal}) & set(asked.not_shut)}
        for reason, rules in (("anti_passback", passback), ("occupancy", full), ("interlock", locked)):
            if rules:
                return reason, rules
        return None

    def recorded(self, asked: Asked) -> list[tuple[str, str]]:
        """The soft objections of a request that is granted."""
        return sorted(("anti_passback", zone) for zone, _ in self._passback(asked))

    def _passback(self, asked: Asked) -> Iterator[tuple[str, bool]]:
        sides = self.sides(asked.portal, asked.direction)
        if sides is None:
            return
        place = self.known(asked.person, asked.at)
        for zone in self.entering(sides):
            how, minutes = self.rules[zone]["anti_passback"], self.rules[zone]["again_after_minutes"]
            if (how != "off" or minutes) and self._objects(zone, sides[0], place, asked):
                yield zone, self._is_hard("hard" if how == "off" else how, zone, asked)
        for zone in self.entering((sides[1], sides[0])):
            how = self.rules[zone]["exit_check"]
            if how != "off" and place is not None and zone not in self.around(place):
                yield zone, self._is_hard(how, zone, asked)

    def _objects(self, zone: str, origin: str, place: str | None, asked: Asked) -> bool:
        rules = self.rules[zone]
        if any(
            who == asked.person and zone in zones and at != asked.portal for who, at, zones in asked.reserved
        ):  # released at another lane
            return True
        if place is None:
            return False
        entered = self.entered.get(asked.person, {}).get(zone)
        is_early = entered is not None and asked.at < entered + timedelta(minutes=rules["again_after_minutes"])
        is_astray = rules["strict_path"] and place != origin
        return is_early or (rules["anti_passback"] != "off" and (zone in self.around(place) or is_astray))

    def _is_hard(self, how: str, zone: str, asked: Asked) -> bool:
        is_unsure = zone in asked.unsure and self.rules[zone]["when_unsure"] == "soft"
        return how == "hard" and not is_unsure and "anti_passback" not in asked.waives

    def _full(self, asked: Asked) -> Iterator[str]:
        sides = self.sides(asked.portal, asked.direction)
        for zone in self.entering(sides) if sides else []:
            limit = self.rules[zone]["max_people"]
            coming = sum(1 for _, _, zones in asked.reserved if zone in zones)
            if limit is not None and max(0, self.total(zone)) + coming + 1 > limit:
                yield zone

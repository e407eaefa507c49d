"""Musters that run: started, marked and ended in memory at once, whatever the storage does; the record follows."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.access.musters import archive
from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_chain import body_of
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue
from devicemgr.domain.rules.areas.whereabouts import Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.musters.fold import FOLDS, Event, fold_all, is_known
from devicemgr.domain.rules.musters.roll import Found, Mark, Marking, Muster, MusterView, begin, digest, totals
from devicemgr.domain.zones import OUTSIDE
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, NotFound
from devicemgr.ledger.feed import Recorded
from devicemgr.text import rfc3339, safe

log = logging.getLogger(__name__)

_MAX_AHEAD = 100_000
# The time of a mark is of another clock: a page compares it with the daemon's to the second.
_MAX_CLOCK_OFF = timedelta(seconds=5)


class MusterDesk:
    """Any thread. `record` takes an event soon, `whereabouts` gives who is where.

    A thread that folds events into that must hold `lock`, and pass them on to `on_recorded` within it.
    """

    def __init__(self, rules: Rulebook, record: Callable[[Fact], None], whereabouts: Callable[[], Whereabouts]) -> None:
        self._rules = rules
        self._record = record
        self._whereabouts = whereabouts
        self.lock = threading.RLock()
        self._chained: dict[str, Muster] = {}
        self._shown: dict[str, Muster] = {}
        self._spilled: OrderedDict[str, Event] = OrderedDict()
        self._ahead: OrderedDict[tuple[str, ...], Event] = OrderedDict()
        self._views: dict[str, tuple[ZoneMap, MusterView]] = {}
        self._begun: set[str] = set()
        self.armed: frozenset[str | None] = frozenset()
        self.has_missed = False

    def begin(self, musters: Iterable[Muster], armed: frozenset[str | None]) -> None:
        """Go on with musters that ran when the last daemon ended."""
        with self.lock:
            self._chained = {muster.id: muster for muster in musters if muster.ended is None}
            self._shown = dict(self._chained)
            self._begun = set(self._chained)
            self.armed = armed

    def set_armed(self, zones: frozenset[str | None]) -> None:
        """Let a fire input begin musters in these zones, None for the whole site, from now on."""
        self.armed = zones

    def running(self) -> list[MusterView]:
        """Return the musters that run, the oldest first; the same view again while nothing has changed."""
        with self.lock:
            shown, zones = list(self._shown.values()), self._zones
        views = {muster.id: self._viewed(muster, zones) for muster in sorted(shown, key=lambda one: one.started)}
        self._views = {muster: (zones, view) for muster, view in views.items()}
        return list(views.values())

    def _viewed(self, muster: Muster, zones: ZoneMap) -> MusterView:
        of_zones, view = self._views.get(muster.id, (None, None))
        return view if view is not None and view.muster is muster and of_zones is zones else _view(muster, zones)

    def start(self, zone: str | None, actor: str | None, *, is_drill: bool = False, because: str = "") -> MusterView:
        """Begin a muster with the people who are in the zone at this moment, without a look into the database.

        A muster ends a drill that runs there. NotFound for an unknown zone, AlreadyExists while one runs there.
        """
        zones = self._zones
        self._require_zone(zone, zones)
        with self.lock:
            drill = self._beside(zone, is_drill=is_drill)
            started = _now()
            bare = Muster(self._new_id(zone, started), zone, is_drill, started, actor, because)
            muster = begin(bare, self._whereabouts(), zones, self._rules.now())
            muster = replace(muster, spilled=frozenset(self._spilled))
            self._chained[muster.id] = self._shown[muster.id] = muster
            self._begun.add(muster.id)
        if drill is not None:
            self.end(drill, actor, because="a muster that is no drill")
        self._record(started_fact(muster))
        return _view(muster, zones)

    @property
    def _zones(self) -> ZoneMap:
        return self._rules.current.zone_map

    def _require_zone(self, zone: str | None, zones: ZoneMap) -> None:
        if not zones.zones:
            raise InvalidInput(
                "there are no zones, so it is not known who is inside", code="no_zones", hint=Hint("add_zone")
            )
        if zone is not None and zone not in zones.zones:
            name = "the world outside is no zone" if zone == OUTSIDE else f"there is no zone '{safe(zone, 63)}'"
            raise NotFound(name, hint=Hint("list_zones"))

    def _beside(self, zone: str | None, *, is_drill: bool) -> str | None:
        """Return a drill that a muster in this zone ends; AlreadyExists for a muster that runs there."""
        for other in self._shown.values():
            if other.zone == zone and (is_drill or not other.is_drill):
                place = "of the whole site" if zone is None else f"of zone '{zone}'"
                raise AlreadyExists(
                    f"a muster {place} runs already: {other.id}", code="muster_runs", hint=Hint("show_muster")
                )
        return next((other.id for other in self._shown.values() if other.zone == zone), None)

    def _new_id(self, zone: str | None, started: datetime) -> str:
        while True:
            found = f"{zone or 'site'}-{started:%Y%m%d-%H%M%S}"
            if found not in self._begun:
                return found
            started += timedelta(seconds=1)

    def mark(self, muster_id: str | None, person_id: str, marking: Marking) -> list[MusterView]:
        """Note a mark in one running muster, or in all that ran at its time; return those that list the person.

        A mark that came later than its time counts from its time; one that is known already is recorded once.
        NotFound where no muster lists the person, InvalidInput for one who is not here without a reason.
        """
        if marking.mark is Mark.NOT_HERE and not marking.reason:
            raise InvalidInput("a person who is not here is marked with a reason", code="reason_required")
        now = _now()
        with self.lock:
            meant = [self._get(muster_id)] if muster_id is not None else self._running_at(marking.at)
            meant = [muster for muster in meant if person_id in muster.people]
            facts = [
                marked_fact(muster, person_id, found, now)
                for muster in meant
                if not is_known(muster.people[person_id], found := _within(marking, muster, now))
            ]
            for fact in facts:
                self._take_ahead(fact)
            marked = [self._shown[muster.id] for muster in meant]
        if not marked:
            raise NotFound("no running muster has this person on its list", hint=Hint("show_muster"))
        for fact in facts:
            self._record(fact)
        return [_view(muster, self._zones) for muster in marked]

    def _running_at(self, at: datetime) -> list[Muster]:
        return [muster for muster in self._shown.values() if muster.started <= at + _MAX_CLOCK_OFF]

    def _take_ahead(self, fact: Fact) -> None:
        """Show a mark before its record."""
        body = body_of(fact, 0, "")
        self._ahead[_key(body)] = body
        while len(self._ahead) > _MAX_AHEAD:
            self._ahead.popitem(last=False)
        muster = str(body["detail"]["muster"])
        self._shown[muster] = fold_all(self._shown[muster], [body], self._zones)

    def end(self, muster_id: str, actor: str | None, *, because: str = "") -> MusterView:
        """End a muster, and record how many people were found and how; NotFound for one that does not run."""
        with self.lock:
            muster = replace(self._get(muster_id), ended=_now())
            del self._shown[muster_id]
            self._chained.pop(muster_id, None)
            self._ahead = OrderedDict((key, one) for key, one in self._ahead.items() if key[0] != muster_id)
        self._record(ended_fact(muster, self._zones, actor, because))
        return _view(muster, self._zones)

    def _get(self, muster_id: str) -> Muster:
        muster = self._shown.get(muster_id)
        if muster is None:
            raise NotFound(f"no muster '{safe(muster_id, 100)}' runs", hint=Hint("list_musters"))
        return muster

    def on_recorded(self, recorded: Recorded) -> None:
        """Take events that are durable now; within `lock`."""
        with self.lock:
            for body in recorded.bodies:
                if recorded.is_spilled and body.get("kind") in FOLDS:
                    self._spilled[str(body.get("id"))] = body
                elif not recorded.is_spilled:
                    self._on_chained(body)
            if not self._shown:
                return
            zones = self._zones
            waiting = [*self._spilled.values(), *self._ahead.values()]
            for muster_id, muster in self._chained.items():
                known = muster if recorded.is_spilled else fold_all(muster, recorded.bodies, zones)
                self._chained[muster_id] = known
                self._shown[muster_id] = fold_all(known, waiting, zones) if waiting else known

    def _on_chained(self, body: Event) -> None:
        self._spilled.pop(str(body.get("id")), None)
        self._ahead.pop(_key(body), None)
        if body.get("kind") == Kind.MUSTER_STARTED and (body.get("detail") or {}).get("muster") not in self._begun:
            self.has_missed = True

    def adopt(self, musters: Iterable[Muster]) -> None:
        """Go on with musters whose beginning came out of the spill file after this start."""
        with self.lock:
            self.has_missed = False
            for muster in musters:
                if muster.id not in self._begun:
                    self._begun.add(muster.id)
                    self._chained[muster.id] = self._shown[muster.id] = muster

    def on_fire(self) -> None:
        """Begin the musters that a fire input begins; those that run already go on."""
        for zone in sorted(self.armed, key=lambda one: one or ""):
            try:
                self.start(zone, None, because="fire")
            except AlreadyExists:
                continue
            except (NotFound, InvalidInput) as error:
                log.error("Failed to start a muster for a fire: %s", error)


def as_recorded(at: datetime) -> datetime:
    """Return a time as the record keeps it."""
    return datetime.fromisoformat(rfc3339(at))


def _now() -> datetime:
    return as_recorded(datetime.now(UTC))


def _view(muster: Muster, zones: ZoneMap) -> MusterView:
    return MusterView(muster, {person: muster.found(listed, zones) for person, listed in muster.people.items()})


def _within(marking: Marking, muster: Muster, now: datetime) -> Marking:
    """Return the mark with a time between the muster's beginning and now."""
    return replace(marking, at=max(min(as_recorded(marking.at), now), muster.started))


def _key(body: Event) -> tuple[str, ...]:
    detail = body.get("detail") or {}
    return (str(detail.get("muster")), str(body.get("person_id")), str(body.get("actor")), str(body.get("time")))


def started_fact(muster: Muster) -> Fact:
    """Return the event of a muster's beginning: how many are on its list, and what proves who, without names."""
    detail: dict[str, JsonValue] = {
        "muster": muster.id,
        "zone": muster.zone,
        "drill": muster.is_drill,
        "count": len(muster.people),
        "digest": digest(muster.people),
        "unnamed": muster.unnamed,
    }
    detail |= {"because": muster.because} if muster.because else {}
    return Fact(Kind.MUSTER_STARTED, muster.started, detail=detail, actor=muster.by, roll=archive.dump(muster))


def marked_fact(muster: Muster, person_id: str, marking: Marking, now: datetime) -> Fact:
    """Return the event of a guard's mark, with the time of the mark where it has come later."""
    detail: dict[str, JsonValue] = {"muster": muster.id, "mark": str(marking.mark)}
    detail |= {"reason": marking.reason} if marking.reason else {}
    detail |= {"at": rfc3339(marking.at)} if marking.at != now else {}
    return Fact(Kind.MUSTER_MARKED, now, person_id=person_id, detail=detail, actor=marking.by)


def ended_fact(muster: Muster, zones: ZoneMap, actor: str | None, because: str = "") -> Fact:
    """Return the event of a muster's end, with its totals."""
    assert muster.ended is not None
    detail: dict[str, JsonValue] = {
        "muster": muster.id,
        "zone": muster.zone,
        "drill": muster.is_drill,
        "since": rfc3339(muster.started),
        "totals": dict(totals(muster, zones)),
        "unnamed_out": muster.unnamed_out,
        "unnamed_in": muster.unnamed_in,
    }
    detail |= {"because": because} if because else {}
    return Fact(Kind.MUSTER_ENDED, muster.ended, detail=detail, actor=actor, roll=archive.dump_ended(muster, zones))


def alarms(views: Iterable[MusterView]) -> list[dict[str, Any]]:
    """Return what `status` shows while a muster runs that is no drill."""
    found: list[dict[str, Any]] = []
    for view in views:
        muster, missing = view.muster, sum(one is Found.MISSING for one in view.found.values())
        if muster.is_drill:
            continue
        place = "the whole site" if muster.zone is None else f"zone {muster.zone}"
        cause = f"muster of {place}: {missing} of {len(muster.people)} missing"
        where: dict[str, Any] = {"zone": muster.zone} if muster.zone else {}
        found.append({"kind": "muster", **where, "cause": cause, "since": rfc3339(muster.started)})
    return found

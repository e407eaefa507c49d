"""Openings on a guard's word instead of a face, also of interlocked portals."""

import time
import uuid
from collections.abc import Callable

from devicemgr.access.area_state import AreaState
from devicemgr.access.event_queue import OpeningWanted, Override
from devicemgr.access.ledger_facts import manual_fact
from devicemgr.access.openings import Openings
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.release import Opening, Outcome, notify_caller
from devicemgr.domain.model import Direction, JsonValue
from devicemgr.domain.rules.areas.facts import Objection
from devicemgr.domain.rules.areas.interlock import broken, groups_of
from devicemgr.errors import DevicemgrError, Hint, NotFound, RequestError, StorageFailed


class ManualOpenings:
    """Any thread, but `on_wanted`, which runs on the dispatcher's; `post` hands over to it."""

    def __init__(
        self, rules: Rulebook, openings: Openings, areas: AreaState, post: Callable[[OpeningWanted], None]
    ) -> None:
        self._rules = rules
        self._openings = openings
        self._areas = areas
        self._post = post

    def open(
        self,
        name: str,
        direction: Direction,
        actor: str,
        on_end: Callable[[Outcome], None],
        override: Override | None = None,
    ) -> str:
        """Record, then release; return the request. `on_end` gets the outcome."""
        rules = self._rules.current
        portal = rules.portals.get(name)
        if portal is None:
            raise NotFound(f"there is no portal '{name}'", hint=Hint("list_portals"))
        now = time.monotonic()
        opening = Opening(str(uuid.uuid4()), portal, direction, now, now, actor=actor, on_end=on_end)
        if any(groups_of(name, rules)):
            self._post(OpeningWanted(opening, override))
        else:
            self._openings.record(opening, [manual_fact(opening)])
        return opening.request

    def on_wanted(self, wanted: OpeningWanted) -> None:
        """Open an interlocked portal if the others are shut or the guard overrides that; a way of escape always."""
        opening, rules = wanted.opening, self._rules.current
        name = opening.portal.name
        found = [] if rules.fire_active else broken(name, rules, self._areas.facts(name, rules))
        is_escape = opening.portal.egress and opening.direction is Direction.EXIT
        detail: dict[str, JsonValue] = {}
        if found and wanted.override is not None:
            detail = {"override": "interlock", "reason": wanted.override.reason}
            detail |= {"rule": found[0].rule, "facts": dict(found[0].facts)}
        elif found and not is_escape:
            _refuse(opening, _not_shut(name, found[0]))
            return
        self._areas.reserve(opening.request, None, opening.portal, opening.direction, decided=opening.decided)
        try:
            wanted.context.run(self._openings.record, opening, [manual_fact(opening, detail)])
        except StorageFailed as error:
            self._areas.give_back(opening.request)
            _refuse(opening, error)


def _refuse(opening: Opening, error: DevicemgrError) -> None:
    notify_caller(Outcome(opening, 0.0, time.monotonic(), error, senses_passage=False))


def _not_shut(portal: str, found: Objection) -> RequestError:
    others = found.facts["not_shut"]
    assert isinstance(others, dict)
    name, why = next(iter(others.items()))
    return RequestError(
        f"portal '{portal}' was not opened: '{name}' of interlock '{found.rule}' is not shut ({why})",
        hint=Hint("override_interlock", portal=portal),
    )

"""Sabotages of zones, anti-passback, occupancy and interlocks."""

from tests.sabotage.sabotage import one

_CHECKS = "tests/devicemgr/domain/rules/areas/test_area_checks.py"
_COUNTS = "tests/devicemgr/domain/rules/areas/test_counts.py"
_INTERLOCK = "tests/devicemgr/domain/rules/areas/test_interlock_checks.py"
_FOLD = "tests/devicemgr/domain/rules/areas/test_fold.py"
_INTERLOCKS = "tests/devicemgr/access/test_interlocks.py"
_STATE = "tests/devicemgr/access/test_area_state.py"
_LANES = "tests/devicemgr/access/test_two_lanes.py"

SABOTAGES = (
    one(
        "grants that reserve no place",
        "devicemgr/access/area_state.py",
        "        self._reserved[request] = "
        "Reservation(request, person_id, portal.name, direction, entered, until, use_of)\n",
        "",
        _LANES,
        _STATE,
    ),
    one(
        "people counted by their grant and not by their passage",
        "devicemgr/domain/rules/areas/fold.py",
        """    if event.detail.get("decided_by") == "console" and not event.detail.get("awaits_passage"):
""",
        """    if True:
""",
        _FOLD,
        _STATE,
    ),
    one(
        "a fire that voids no rule of zones",
        "devicemgr/domain/rules/decision/area_checks.py",
        "    if snapshot.fire_active:\n        return []\n",
        "",
        _CHECKS,
    ),
    one(
        "a soft violation recorded after its grant",
        "devicemgr/access/pipeline.py",
        "[*violation_facts(request, decision), fact]",
        "[fact, *violation_facts(request, decision)]",
        _STATE,
    ),
    one(
        "a gate whose answer was lost taken as shut",
        "devicemgr/domain/rules/areas/interlock.py",
        '    if state.lane != "idle":\n',
        '    if state.lane not in ("idle", "unknown"):\n',
        _INTERLOCK,
        _INTERLOCKS,
    ),
    one(
        "an unnamed movement that is never explained",
        "devicemgr/domain/rules/areas/draft.py",
        "        self.settle(person_id, sides[0])\n",
        "",
        _COUNTS,
        "tests/devicemgr/domain/rules/areas/test_areas_model.py",
    ),
    one(
        "a card passed back before the arm has turned",
        "devicemgr/domain/rules/areas/anti_passback.py",
        "    if reserved is not None and (is_ruled or zone.again_after_minutes):\n",
        "    if False:\n",
        _CHECKS,
        _STATE,
    ),
    one(
        "events of the spill file folded twice",
        "devicemgr/access/area_state.py",
        """                self._spilled.pop(str(body.get("id")), None)
""",
        """                pass
""",
        _STATE,
    ),
    one(
        "a refused commit that keeps the place",
        "devicemgr/access/pipeline.py",
        "        self.areas.give_back(opening.request)\n        if opening.person_id",
        "        if opening.person_id",
        _STATE,
    ),
    one(
        "a second open portal that only the first of its interlocks reports",
        "devicemgr/access/portals/interlocks.py",
        "            self._follow(group, rules, opened & group.portals, newly & group.portals)\n",
        "            self._follow(group, rules, opened & group.portals, newly & group.portals)\n"
        "            newly -= group.portals\n",
        _INTERLOCKS,
    ),
    one(
        "the first unnamed person of a day forgotten as one of yesterday's",
        "devicemgr/domain/rules/areas/whereabouts.py",
        "            if done is None or done < before:\n",
        "            has_any = since or any(state.extra.get(name) for name in inside)\n"
        "            if has_any and (done is None or done < before):\n",
        _COUNTS,
    ),
    one(
        "a guard's opening counted twice in its own answer",
        "devicemgr/daemon/runtime.py",
        "        return answer | full\n",
        "        return answer | overfilled(self._access.areas.view, self._rules.current, portal, direction)\n",
        "tests/devicemgr/daemon/test_service.py",
    ),
)

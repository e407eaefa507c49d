"""Sabotages of the access pipeline."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "a lost card that opens",
        "devicemgr/domain/rules/decision/rights_checks.py",
        "_card_refusal(request) is Reason.CARD_BLOCKED",
        "False",
        "tests/devicemgr/access/evidence/test_cards.py",
    ),
    one(
        "a console's question that opens as often as it is sent",
        "devicemgr/access/evidence/console_questions.py",
        """        if key in self._known:
            return "the same question was received before"
""",
        "",
        "tests/devicemgr/access/evidence/test_console_questions.py",
    ),
    one(
        "a console's question of yesterday",
        "devicemgr/access/evidence/console_questions.py",
        """abs(fact.age) <= MAX_CONSOLE_AGE_S""",
        """fact.age is not None""",
        "tests/devicemgr/access/evidence/test_console_questions.py",
        "tests/drivers/common/console/test_question_fuzz.py",
    ),
    one(
        "timers by the wall clock",
        "devicemgr/access/pipeline.py",
        """        now = time.monotonic()
        self._passages.tick(now)""",
        """        now = time.time()
        self._passages.tick(now)""",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "an expired right revived by a clock that is set back",
        "devicemgr/access/policy_cache.py",
        "self.now, self.times = clock.now, clock.times",
        "self.now = clock.now\n"
        "        self.times = lambda: (__import__('datetime').datetime.now(__import__('datetime').UTC),)",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "a release that is sent however late",
        "devicemgr/access/release.py",
        "if time.monotonic() > order.deadline:",
        "if time.monotonic() > order.deadline + 1e6:",
        "tests/scenarios/test_too_late.py",
    ),
    one(
        "a replayed event acted on",
        "devicemgr/access/evidence/device_reports.py",
        "if report.live and report.granted and first.portal:",
        "if report.granted and first.portal:",
        "tests/scenarios/test_too_late.py",
    ),
    one(
        "two releases for one decision",
        "devicemgr/access/release.py",
        "            delivery = _release(order, device)\n",
        "            delivery = _release(order, device)\n            delivery = _release(order, device)\n",
        "tests/devicemgr/access/test_pipeline.py",
    ),
    one(
        "a lock that counteracts fire",
        "devicemgr/access/portals/portal_modes.py",
        """        if cause := self._must_wait(portal, mode, by_guard=by_guard):
            self._owed.add(name)
            raise""",
        """        if cause := "":
            self._owed.add(name)
            raise""",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "an online device counts as one that has told of no fire",
        "devicemgr/access/portals/fire_alarm.py",
        "return sorted(self.inputs if self.away else self.inputs - self.known)",
        "return sorted(self.inputs if self.away else ())",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "a forced door that nobody sees in status",
        "devicemgr/access/portals/standing_alarms.py",
        "        stands = fact.kind in STANDING or fact.active is True\n",
        "        stands = False\n",
        "tests/devicemgr/access/portals/test_standing_alarms.py",
    ),
    one(
        "a lock that stays in a fire",
        "devicemgr/access/portals/portal_modes.py",
        """            if in_fire and mode is not PortalMode.FREE and not self._is_locked(portal, mode):
""",
        """            if in_fire:
""",
        "tests/devicemgr/access/portals/test_fire_alarm.py",
    ),
    one(
        "one blurred picture grants",
        "devicemgr/access/evidence/face_evidence.py",
        "return self.pictures[person] >= frames and 2 * self.pictures[person] > self.pictures.total()",
        "return True",
        "tests/devicemgr/access/evidence/test_face_evidence.py",
    ),
    one(
        "an unknown face's numbers written down",
        "devicemgr/access/ledger_facts.py",
        "    return shown or None\n",
        '    shown |= {"probe": [0.5] * 128} if request.face and request.face.person_id is None else {}\n'
        "    return shown or None\n",
        "tests/scenarios/test_unknown_face.py",
    ),
    one(
        "no limit to wrong PINs",
        "devicemgr/access/evidence/pins.py",
        "if count >= MAX_WRONG and time.monotonic() - since < LOCKOUT_S:",
        "if False:",
        "tests/devicemgr/access/evidence/test_pins.py",
    ),
    one(
        "a clock that jumped ahead believed alone",
        "devicemgr/access/quorum/judge.py",
        "request = replace(request, at=at, also_at=tuple(others))",
        "request = replace(request, at=at)",
        "tests/scenarios/test_clock_jumps.py",
    ),
    one(
        "a PIN that counts for whoever shows a card next",
        "devicemgr/access/evidence/intake.py",
        "waiting is not None and _person_of(waiting) == checked.person_id:",
        "waiting is not None:",
        "tests/devicemgr/access/evidence/test_multi_factor.py",
    ),
    one(
        "two lanes side by side open for one person",
        "devicemgr/access/evidence/recent_grants.py",
        "if grant is not None and not grant.ended and time.monotonic()",
        "if False and time.monotonic()",
        "tests/devicemgr/access/evidence/test_recent_grants.py",
    ),
    one(
        "a release that stays in force at the gate when the lane gives it up",
        "devicemgr/access/portals/passage_tracker.py",
        "            self._cancel(portal, direction)\n",
        "            pass\n",
        "tests/devicemgr/access/portals/test_release_times.py",
    ),
    one(
        "a copied question without a time opens another gate",
        "devicemgr/access/evidence/console_questions.py",
        "        if fact.is_bound and is_gate:\n",
        "        if fact.is_bound:\n",
        "tests/devicemgr/access/evidence/test_console_questions.py",
    ),
    one(
        "a temporary card that opens after its end",
        "devicemgr/domain/rules/validity.py",
        "        if self.ends is not None and not _is_before(at, self.ends):\n",
        "        if False:\n",
        "tests/devicemgr/access/evidence/test_cards.py",
    ),
)

"""Sabotages of the two-person rule, least numbers of zones, and escorts."""

from tests.sabotage.sabotage import Sabotage, one

_RULES = "tests/devicemgr/domain/rules/test_quorum.py"
_PAIRS = "tests/devicemgr/access/quorum/test_two_person.py"
_ESCORTS = "tests/devicemgr/access/quorum/test_escorts.py"
_FAILURES = "tests/devicemgr/access/quorum/test_together_failures.py"

SABOTAGES = (
    Sabotage(
        "a quorum in which the same person counts twice",
        (
            (
                "devicemgr/domain/rules/quorum.py",
                "if len(set(present)) < self.people:",
                "if len(present) < self.people:",
            ),
            (
                "devicemgr/domain/rules/quorum.py",
                "    return {*facts.waiting.get((request.portal, request.direction), ()), person.id}\n",
                "    return [*facts.waiting.get((request.portal, request.direction), ()), person.id]  # type: ignore\n",
            ),
        ),
        (_RULES,),
    ),
    one(
        "a quorum in which a suspended person counts",
        "devicemgr/access/quorum/waiting.py",
        "refused = [one for one in judged if one.decision.reason not in (None, *_LACKS_OTHERS)]",
        "refused: list[Waiting] = []",
        f"{_PAIRS}::test_who_is_suspended_while_waiting_does_not_count",
    ),
    one(
        "a second release of a quorum before the first passage has ended",
        "devicemgr/access/quorum/rows.py",
        "            if row.is_over or now >= row.until:\n",
        "            if row:\n",
        f"{_PAIRS}::test_at_a_turnstile_each_release_after_the_former_passage_ended",
    ),
    one(
        "a grant of a quorum that misses one person",
        "devicemgr/domain/rules/quorum.py",
        "if len(set(present)) < self.people:",
        "if len(set(present)) + 1 < self.people:",
        _RULES,
        f"{_PAIRS}::test_requests_that_pass_all_other_checks_wait_at_their_side",
    ),
    one(
        "a door of a quorum whose others are nowhere",
        "devicemgr/domain/rules/areas/fold.py",
        "    people = [draft.person_of(event), *draft.go_along(event.request)]\n",
        "    people = [draft.person_of(event)]\n",
        f"{_PAIRS}::test_at_a_door_one_release_by_the_first_grant",
    ),
    one(
        "a row of a quorum that goes on although the portal was locked",
        "devicemgr/access/quorum/rows.py",
        "            reason = self._refuses(turn)\n",
        "            reason = None\n",
        f"{_PAIRS}::test_a_lock_in_the_middle_of_a_row_lets_no_one_follow",
    ),
    one(
        "an escort who takes visitors along without passing",
        "devicemgr/access/quorum/escorts.py",
        "            if passed:\n",
        "            if True:\n",
        f"{_ESCORTS}::test_an_escort_who_did_not_pass_takes_no_one_along",
    ),
    one(
        "an escort who takes any number of visitors along",
        "devicemgr/access/quorum/escorts.py",
        "            party.ahead[escort.person_id] = replace(escort, free=escort.free - 1)\n",
        "",
        f"{_ESCORTS}::test_more_than_escort_up_to_are_refused",
    ),
    one(
        "a visitor who does not follow the escort, and no alarm",
        "devicemgr/access/quorum/escorts.py",
        "                self._went_astray(opening)\n",
        "                pass\n",
        f"{_ESCORTS}::test_a_visitor_who_does_not_follow_is_astray",
    ),
    one(
        "people of a quorum who went by another's release marked as unconfirmed",
        "devicemgr/access/unconfirmed_releases.py",
        'if "opened_by" not in (body.get("detail") or {})',
        "",
        f"{_FAILURES}::test_a_kill_in_the_middle_opens_nothing_and_is_marked_at_the_next_start",
    ),
)

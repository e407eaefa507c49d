"""Sabotages of grants with limits and of visitors."""

from tests.sabotage.sabotage import one

_RULES = "tests/devicemgr/domain/rules/test_grants.py"
_VISITS = "tests/devicemgr/cli/visitors/test_visitors.py"
_USES = "tests/devicemgr/access/test_grant_uses.py"

SABOTAGES = (
    one(
        "uses counted at the grant and not at the passage",
        "devicemgr/domain/rules/grants.py",
        '    return body.get("kind") == Kind.PASSAGE_COMPLETED\n',
        '    return body.get("kind") == Kind.ACCESS_GRANTED\n',
        _USES,
    ),
    one(
        "an expired grant that counts",
        "devicemgr/domain/rules/grants.py",
        "    if has_ended(grant.valid_to, at):\n        return GrantState.EXPIRED\n",
        "",
        _RULES,
    ),
    one(
        "a use that two openings hold",
        "devicemgr/domain/rules/areas/facts.py",
        "        return Counter([*opened, *(level for person, level in self.spent if person == person_id)])\n",
        "        return Counter()\n",
        _RULES,
        _USES,
    ),
    one(
        "a use that is held no longer than the reservation",
        "devicemgr/access/area_state.py",
        "            self._spent[request] = (held.person_id, held.use_of, seq or None)\n",
        "            pass\n",
        _USES,
    ),
    one(
        "a visitor who enters although the host is suspended",
        "devicemgr/domain/rules/decision/held_levels.py",
        "    if not is_leaving and person.levels and host_problem(person, snapshot, times) is not None:\n",
        "    if False:\n",
        _RULES,
    ),
    one(
        "a card that is not free when the visit has ended",
        "devicemgr/people/visits/service.py",
        "        service.remove_card(work, person.badge, card)\n",
        "        pass\n",
        f"{_VISITS}::test_the_states_of_a_visit_by_passages",
    ),
    one(
        "a host who gives a level that they do not hold",
        "devicemgr/people/visits/service.py",
        "    if level not in {*grants.held(host, now), *departments.levels_of(host)}:\n",
        "    if False:\n",
        f"{_VISITS}::test_what_may_not_be_is_refused_with_words_and_changes_nothing",
    ),
    one(
        "a face that is taken for a card that was returned",
        "devicemgr/people/visits/watch.py",
        ' and rows.shown_card(session, event["request"])\n',
        "\n",
        f"{_VISITS}::test_the_states_of_a_visit_by_passages",
    ),
)

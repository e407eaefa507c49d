"""Sabotages of grants with limits and of visitors."""

from tests.sabotage.sabotage import one

_RULES = "tests/devicemgr/domain/rules/test_grants.py"
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
)

"""Sabotages of the rights of the past and of replays."""

from tests.sabotage.sabotage import one

_SNAPSHOTS = "tests/devicemgr/operations/history/test_snapshots.py"
_THEN = "tests/devicemgr/api/routes/areas/test_access_of_then.py"
_REPLAY = "tests/devicemgr/domain/rules/past/test_replay.py"
_REPLAYS = "tests/devicemgr/operations/history/test_replays.py"
_COMMAND = "tests/devicemgr/cli/site/test_replay.py"
_RIGHTS = "tests/devicemgr/api/rights/test_replay_rights.py"

SABOTAGES = (
    one(
        "a walk into the past that skips a kind of event",
        "devicemgr/domain/rules/past/history.py",
        '            "admin.level_granted",\n',
        "",
        _SNAPSHOTS,
    ),
    one(
        "an event of 0.1.0 that is taken to have changed nothing",
        "devicemgr/domain/rules/past/history.py",
        '        for name in [""] if unknown is None else unknown(detail):\n',
        "        for name in []:\n",
        _SNAPSHOTS,
        _THEN,
    ),
    one(
        "a decision explained by the rights of now",
        "devicemgr/operations/history/decisions.py",
        '    past = snapshot_at(session, event["seq"], present)\n',
        '    past = snapshot_at(session, event["seq"] + 1_000_000, present)\n',
        _THEN,
    ),
    one(
        "both worlds judged by the planned rights",
        "devicemgr/domain/rules/past/replay.py",
        "World(present, starts[0]), World(planned, starts[1])",
        "World(planned, starts[0]), World(planned, starts[1])",
        _REPLAY,
    ),
    one(
        "people who move in a world that has refused them",
        "devicemgr/domain/rules/past/replay.py",
        "        if was_granted and passes:\n",
        "        if was_granted:\n",
        _REPLAY,
    ),
    one(
        "a PIN that was never wanted counted as a loss",
        "devicemgr/domain/rules/past/replay.py",
        '_NEEDS_MORE = frozenset({"second_factor_required", ',
        "_NEEDS_MORE = frozenset({",
        _REPLAY,
        _COMMAND,
    ),
    one(
        "a replay that ends with 0 though someone loses",
        "devicemgr/cli/site/replay.py",
        '    return bool(found["replay"]["totals"]["losses"]["requests"])\n',
        "    return False\n",
        _COMMAND,
    ),
    one(
        "a replay for one who may not read events",
        "devicemgr/api/routes/site/site_replay.py",
        '        require_route(self.caller, "GET", "/events", "replay recorded requests")\n',
        "",
        _RIGHTS,
    ),
    one(
        "people who are nowhere when a window begins",
        "devicemgr/operations/history/replays.py",
        "    return NOWHERE if found is None else found\n",
        "    return NOWHERE\n",
        _REPLAYS,
    ),
)

"""Sabotages of the desk: its files, its words, and what its buttons stand for."""

from tests.sabotage.sabotage import one

_RIGHTS = "tests/desk/rights/test_rights.py"
_FILES = "tests/devicemgr/api/desk/test_files.py"

SABOTAGES = (
    one(
        "a button of the desk that no role is tried with",
        "devicemgr/web/src/pages/devices/upkeep.ts",
        'call("post", "/api/v1/devices/{name}/identify"',
        'call("post", "/api/v1/devices/{name}/pair"',
        f"{_RIGHTS}::test_every_operation_of_a_page_has_a_row",
    ),
    one(
        "a right of the desk that no row has",
        "devicemgr/web/src/pages/visitors/lists.ts",
        'store.may("POST /visitors/{badge}/leave")',
        'store.may("POST /zones/reset")',
        f"{_RIGHTS}::test_every_operation_of_a_page_has_a_row",
    ),
    one(
        "a call of the desk that hides what it does",
        "devicemgr/web/src/pages/operators/sessions.ts",
        'call("delete", "/api/v1/sessions/{session}"',
        'call(...(["delete", "/api/v1/sessions/{session}"] as const)',
        f"{_RIGHTS}::test_no_call_hides_its_operation_from_the_table",
    ),
    one(
        "a desk that runs the scripts of a text",
        "devicemgr/api/desk/files.py",
        "\"script-src 'self'\",",
        "\"script-src 'self' 'unsafe-inline'\",",
        _FILES,
    ),
    one(
        "a desk without Trusted Types",
        "devicemgr/api/desk/files.py",
        "        \"require-trusted-types-for 'script'\",\n",
        "",
        _FILES,
    ),
    one(
        "a page of the desk that browsers keep for good",
        "devicemgr/api/desk/files.py",
        'if file.is_hashed else "no-cache"',
        'if file else "no-cache"',
        _FILES,
    ),
    one(
        "menus that show what no role may do",
        "devicemgr/api/authorization.py",
        "for method, path in TABLE if _may_call(caller, (method, path))]",
        "for method, path in TABLE]",
        "tests/devicemgr/api/server/test_tcp.py::test_a_session_names_what_its_roles_allow_and_nothing_else",
    ),
    one(
        "an event that the desk has no Kazakh words for",
        "devicemgr/web/i18n/kk.json",
        '  "kind.outlet_gap"',
        '  "kind.outlet_gaps"',
        "tests/devicemgr/api/desk/test_words.py",
    ),
)

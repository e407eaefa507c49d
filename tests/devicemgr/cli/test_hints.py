"""What to do next: the core gives codes, and the command line alone says commands and options."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from cli import TABLE
from devicemgr.api.routes.devices.models import Device
from devicemgr.api.routes.system.models import DeviceStatus
from devicemgr.cli import hints
from devicemgr.cli.command_table import GROUPS
from devicemgr.cli.transport.api_client import ApiProblem
from devicemgr.devices.health import DeviceState, Health
from devicemgr.errors import Hint, NotFound
from devicemgr.operations.status import device_json

ROOT = Path(__file__).parents[3]
API_PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CORE = sorted(
    file
    for package in ("devicemgr", "drivers", "enrollment", "udev")
    for file in (ROOT / package).rglob("*.py")
    if not {ROOT / "devicemgr" / "cli", ROOT / "drivers" / "sim"} & set(file.parents)  # simulators are commands
)
_FIRST = "|".join(sorted({name.split()[0] for name in TABLE} | set(GROUPS)))
_COMMAND = re.compile(rf"devicemgr (?:{_FIRST})\b|`(?:{'|'.join(sorted(map(re.escape, TABLE), reverse=True))})\b")
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
# Options of other programs, which the core runs.
_OTHERS = {"--property=NTPSynchronized", "--value", "--version", "--reload", "--action=change", "--timeout=10"}
_OTHERS |= {"--subsystem-match=tty", "apt-get install --reinstall udev"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for file in CORE:
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Return the string constants of a module but for its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].value for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node


def given_hints() -> dict[str, set[frozenset[str]]]:
    """Return the codes of all hints in the core, each with the sets of arguments that it is given with."""
    found: dict[str, set[frozenset[str]]] = {}
    for _, tree in trees():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Hint":
                (code,) = call.args
                assert isinstance(code, ast.Constant), "a hint's code stands as it is"
                found.setdefault(code.value, set()).add(frozenset(word.arg or "" for word in call.keywords))
    return found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("run `devicemgr init`", True),
        ("`device test` reads it", True),
        ("give a later --consent-until", True),
        ("install devicemgr again", False),
        ("the device's test failed", False),
    ],
)
def test_the_search_finds_commands_and_options(text: str, is_found: bool) -> None:
    assert bool(_COMMAND.search(text) or _OPTION.search(text)) == is_found


def test_no_text_of_the_core_names_a_command_or_an_option() -> None:
    found = [
        f"{file}:{node.lineno}: {node.value}"
        for file, tree in trees()
        for node in texts(tree)
        if (_COMMAND.search(node.value) or _OPTION.search(node.value)) and node.value not in _OTHERS
    ]
    assert len(CORE) > 150
    assert found == []


def test_every_hint_has_words_and_its_arguments() -> None:
    given = given_hints()
    assert set(given) == set(hints.WORDS)
    for code, arguments in given.items():
        needed = {name for _, name, _, _ in Formatter().parse(hints.WORDS[code]) if name}
        assert all(needed == names for names in arguments), code


def test_the_page_for_integrators_lists_every_hint() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \|", API_PAGE.split("## Hints")[1].split("\n## ")[0], re.MULTILINE)
    listed = {code: set(re.findall(r"`(\w+)`", arguments)) for code, arguments in rows}
    assert listed == {code: set().union(*arguments) for code, arguments in given_hints().items()}


def test_words_name_commands_that_there_are() -> None:
    for words in hints.WORDS.values():
        for first, second in re.findall(r"devicemgr ([a-z-]+)(?: ([a-z-]+))?", words):
            assert first in TABLE or f"{first} {second}" in TABLE, words


def test_a_problem_of_the_api_is_said_with_its_command() -> None:
    error = ApiProblem({"detail": "no card", "hint": {"code": "list_cards", "args": {"badge": "E 1"}}})
    assert str(error) == "no card; `devicemgr card list 'E 1'` shows theirs"


@pytest.mark.parametrize(
    "hint", [{"code": "of_a_later_version", "args": {}}, {"code": "list_cards", "args": {}}, {}, 1]
)
def test_a_hint_that_cannot_be_said_is_left_out(hint: object) -> None:
    assert str(ApiProblem({"detail": "no card", "hint": hint})) == "no card"


def test_an_error_in_this_process_is_said_with_its_command() -> None:
    assert hints.message_of(NotFound("nothing", hint=Hint("run_doctor"))) == "nothing; run `devicemgr doctor`"


def test_words_stand_beside_the_text_that_says_what_to_do() -> None:
    row = {"detail": "no daemon runs", "fix": None, "hint": {"code": "run_doctor", "args": {}}}
    alarm = {"cause": "two hold it", "hint": {"code": "show_status", "args": {}}}
    found = hints.spell_out({"checks": [row], "alarms": [alarm], "other": {"hint": None, "detail": "as it was"}})
    assert found["checks"][0]["fix"] == "run `devicemgr doctor`"
    assert found["alarms"][0]["cause"] == "two hold it; `devicemgr status` shows more"
    assert found["other"]["detail"] == "as it was"


def test_a_device_that_is_away_carries_what_its_driver_advises() -> None:
    state = DeviceState(
        "cam", "onvif_camera", Health.OFFLINE, "no password", datetime.now(UTC), Hint("set_device_password")
    )
    shown = hints.spell_out(device_json(state, {}))
    assert shown["cause"] == "no password; `devicemgr device edit NAME --password-stdin` sets it"
    assert Device.model_fields.keys() >= {"cause", "hint"} <= DeviceStatus.model_fields.keys()

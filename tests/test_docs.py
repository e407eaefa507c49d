"""Help and docs are part of the product: every command explains itself and is in the reference."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from cli import app
from devicemgr.api import authorization
from devicemgr.api.app import create_app

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def walk(command, words=()):
    """Every command with the words that call it."""
    groups = getattr(command, "commands", None)
    if groups is None:
        yield " ".join(words), command
        return
    for name, inner in groups.items():
        yield from walk(inner, (*words, name))


COMMANDS = dict(walk(get_command(app)))
EACH = pytest.mark.parametrize(("words", "command"), COMMANDS.items(), ids=COMMANDS.keys())


@EACH
def test_every_command_option_and_argument_has_help(words, command):
    assert command.help, words
    assert command.help.strip().endswith((".", "?", "…", ".)")), f"{words}: {command.help}"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{words}: {parameter.name}"


@EACH
def test_every_command_is_in_the_reference_with_an_example(words, command):
    example = rf"^    (?:.*\| )?devicemgr {re.escape(words)}(?: |$)"
    assert re.search(example, REFERENCE, re.MULTILINE), f"docs/commands.md has no example of: devicemgr {words}"


@EACH
def test_every_option_is_in_the_reference(words, command):
    missing = [
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help" and f"`{option}" not in REFERENCE
    ]
    assert missing == [], f"{words}: docs/commands.md does not explain these options"


def test_the_groups_explain_themselves():
    groups = get_command(app).commands.items()
    assert [name for name, group in groups if not group.help] == []


def test_examples_in_the_docs_call_commands_that_exist():
    for page in sorted((ROOT / "docs").glob("*.md")):
        for line in re.findall(
            r"^    (?:.*\| )?(?:sudo )?devicemgr (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            spoken = [word for word in line.split() if not word.startswith("-")]
            known = any(" ".join(spoken[:length]) in COMMANDS for length in (1, 2))
            assert known or spoken[0] in LATER, f"{page.name}: devicemgr {line}"


# Named in the guides ahead of the command itself.
LATER: set[str] = set()


def test_every_route_says_who_may_call_it():
    paths = create_app(SimpleNamespace(site=None)).openapi()["paths"]
    routes = {(method.upper(), path.removeprefix(authorization.PREFIX)) for path in paths for method in paths[path]}
    missing = sorted(routes - set(authorization.TABLE))
    assert missing == [], "add them to TABLE in devicemgr/api/authorization.py"

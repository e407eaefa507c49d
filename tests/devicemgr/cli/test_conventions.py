"""What users of other command lines expect: -h, --version, suggestions, completion, an example of each command."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import cli as root
from devicemgr import __version__
from devicemgr.cli import app as frame
from devicemgr.cli.command_table import COMMANDS, GROUPS, SECTIONS
from devicemgr.cli.context import Session
from devicemgr.cli.examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[3]


def test_version_and_short_help(cli: Callable[..., Any]) -> None:
    assert cli("--version").out == f"devicemgr {__version__}\n"
    for words in ([], ["person"], ["person", "add"]):
        short, long = cli(*words, "-h"), cli(*words, "--help")
        assert (short.code, short.out) == (0, long.out)


def test_the_sections_of_the_help_hold_each_command_once(cli: Callable[..., Any]) -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted({*(words.split()[0] for words in root.TABLE)})
    assert set(GROUPS) <= set(listed)
    assert list(SECTIONS) == [line[:-1] for line in cli("--help").out.splitlines() if line[:-1] in SECTIONS]


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [("person list --jsn", "--json"), ("status --hom x", "--home"), ("events --folow", "--follow")],
)
def test_a_mistyped_option_brings_a_suggestion(cli: Callable[..., Any], line: str, suggestion: str) -> None:
    ran = cli(*line.split())
    assert ran.code == 2
    assert suggestion in ran.err


def test_no_example_is_left_over() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("words", root.TABLE)
def test_each_command_has_an_example_that_can_be_typed(words: str, cli: Callable[..., Any]) -> None:
    example = root.TABLE[words].example or EXAMPLES[words]
    assert f"Example:\n    {example}\n" in cli(*words.split(), "--help").out
    typed = example.partition(" | ")[0].partition(" > ")[0].removeprefix("sudo ")
    program, *arguments = shlex.split(typed)
    assert program == "devicemgr"
    arguments = frame._take_common_options(Session(lambda: pytest.fail("not run")), arguments)
    context = typer.main.get_command(root.app).make_context("devicemgr", arguments)
    for _ in words.split():
        _, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(command.name, rest, parent=context)
    assert not hasattr(context.command, "commands")


def test_the_shell_completes_commands_and_options() -> None:
    def complete(typed: str, place: int) -> list[str]:
        shell = {"_DEVICEMGR_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(place)}
        script = "import sys; sys.argv[0] = 'devicemgr'; import cli; cli.main()"
        ran = subprocess.run(
            [sys.executable, "-c", script], check=True, cwd=ROOT, env=os.environ | shell, capture_output=True, text=True
        )
        return ran.stdout.split()

    assert complete("devicemgr pers", 1) == ["person"]
    assert "--badge" in complete("devicemgr person add --", 3)


def test_a_host_of_a_command_is_not_taken_for_another_daemon(cli: Callable[..., Any], home: Any) -> None:
    """`device discover`, `visitor add` and the simulators have a `--host` of their own; no other command may."""
    session = Session(lambda: pytest.fail("not run"))
    line = [
        "device",
        "discover",
        "--host",
        "192.0.2.0/24",
        "--host=198.51.100.7",
        "--host",
        "https://box",
        "--token-file",
        "t",
    ]
    rest = frame._take_common_options(session, line)
    assert rest == ["device", "discover", "--host", "192.0.2.0/24", "--host", "198.51.100.7"]
    assert (session.host, session.token_file) == ("https://box", "t")
    common = {*frame._FLAGS, *frame._WITH_VALUE} - {"--help"}
    own = {
        words
        for words, command in _walk(typer.main.get_command(root.app))
        for p in command.params
        if common & {*p.opts}
    }
    assert {words for words in own if not words.startswith("sim ")} == {"device discover", "visitor add"}


def _walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from _walk(inner, (*words, name))
        else:
            yield " ".join((*words, name)), inner

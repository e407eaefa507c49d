"""Each command imports what it needs and no more; the table of commands says what the commands themselves say."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.core import TyperCommand
from typer.main import get_command

import cli as root
from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.server import ApiServer
from devicemgr.cli.command_table import COMMANDS
from devicemgr.daemon.offline_runtime import DirectRuntime

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("numpy", "pydantic", "httpx", "sqlalchemy", "fastapi", "drivers", "enrollment")
CHILD = """
import json, sys
import cli
from devicemgr.cli.app import run
from devicemgr.cli.context import Session
code = run(cli.app, Session(cli.load_parts, cli.load_bench), sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def walk(command, words=()):
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from walk(inner, (*words, name))
        else:
            yield " ".join((*words, name)), inner


REAL = dict(walk(get_command(root.app)))


def run_child(*arguments):
    """The exit code of a command, and the modules that it imported."""
    command = [sys.executable, "-c", CHILD, *map(str, arguments)]
    ran = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True, timeout=60)
    code, modules = json.loads(ran.stdout.splitlines()[-1])
    return code, {module for module in modules if module.partition(".")[0] in HEAVY}


@pytest.fixture
def daemon(site, home):
    """The API on the home's socket."""
    running = ApiServer(create_app(Context(site, DirectRuntime(site), os.getuid())), home.socket)
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("words", REAL)
def test_the_table_holds_the_help_of_the_command_itself(words):
    listed = TyperCommand(words, help=root.TABLE[words].help)
    for width in (1000, 60):
        assert listed.get_short_help_str(width) == REAL[words].get_short_help_str(width)


def test_every_command_that_a_module_registers_is_in_the_table():
    places = {row.place for row in root.TABLE.values()}
    registered = {(place, info.name) for place in places for info in _app(place).registered_commands}
    assert registered == {(row.place, words.split()[-1]) for words, row in root.TABLE.items()}
    assert set(COMMANDS) < set(root.TABLE)


def _app(place):
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("arguments", [["version"], ["--help"], ["device", "--help"], ["bogus"]], ids=" ".join)
def test_help_and_version_import_no_heavy_library(arguments):
    _, heavy = run_child(*arguments)
    assert heavy == set()


@pytest.mark.parametrize("arguments", [["status"], ["person", "list"], ["portal", "show", "main"]], ids=" ".join)
def test_a_command_over_the_socket_imports_no_heavy_library(entrance, daemon, home, arguments):
    code, heavy = run_child("--home", home.path, *arguments)
    assert code in (0, 3)  # 3: `status`, since this server is no whole daemon
    assert heavy == set()


def test_a_value_that_needs_it_is_still_converted(home, cli):
    ran = cli("events", "--limit", "many")
    assert ran.code == 2
    assert "--limit" in ran.err
    assert cli("portal", "open", "main", "--direction", "up").code == 2

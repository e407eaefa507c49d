"""Around every command: common options anywhere on the line, one-line errors, exit codes of INTERFACES."""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

import typer
import typer.main
from typer.exceptions import TyperException

from devicemgr.cli.context import LOCAL_ONLY, Session, use
from devicemgr.cli.hints import message_of
from devicemgr.cli.transport.api_client import ApiProblem
from devicemgr.errors import DevicemgrError, InvalidInput
from devicemgr.store.ledger.sudo_claim import VARIABLE, claimed
from devicemgr.text import json_line, safe

USAGE = 2
INTERRUPTED = 1
_TYPER_INTERRUPTED = 130


def run(app: typer.Typer, session: Session, arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        rest = _take_common_options(session, list(arguments))
        if session.host is not None and rest[:1] and rest[0] in _LOCAL:
            raise InvalidInput(LOCAL_ONLY)
        with use(session), claimed(os.environ.get(VARIABLE)):  # for what works without the API: backup, restore
            code = _exit_code(_command(app)(rest, prog_name="devicemgr", standalone_mode=False))
            session.warn_if_frozen()
            return code
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe has enough, for which Typer leaves by SystemExit; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _failed(session, error)
    finally:
        session.close()


_command = cache(typer.main.get_command)


def _exit_code(result: object) -> int:
    sys.stdout.flush()
    if result == _TYPER_INTERRUPTED:
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _failed(session: Session, error: BaseException) -> int:
    match error:
        case typer.Exit():
            return error.exit_code
        case typer.Abort() | KeyboardInterrupt():
            return _print_error("interrupted; nothing is left half done", INTERRUPTED)
        case TyperException():
            _suggest_common(error)
            show = getattr(error, "show", None)
            return (show(), error.exit_code)[1] if show else _print_error(str(error), error.exit_code)
        case ApiProblem() if session.json and "faces" in error.document:
            print(json_line(_faces(error.document["faces"])))
            return _print_error(str(error), error.exit_code)
        case DevicemgrError():
            return _print_error(message_of(error), error.exit_code)
    raise error


def _suggest_common(error: TyperException) -> None:
    """Add the common options to those that a mistyped one is compared with; Typer knows only the command's own."""
    mistyped = getattr(error, "option_name", None)
    if mistyped and not getattr(error, "possibilities", None):
        error.possibilities = get_close_matches(mistyped, [*_FLAGS, *_WITH_VALUE])  # type: ignore[attr-defined]


def _print_error(text: str, code: int) -> int:
    print(f"error: {safe(text, 1000)}", file=sys.stderr)
    return code


def _faces(faces: list[dict[str, object]]) -> dict[str, object]:
    return faces[0] if len(faces) == 1 else {"ok": False, "faces": faces}


def _take_common_options(session: Session, arguments: list[str]) -> list[str]:
    rest: list[str] = []
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if argument == "--":
            return [*rest, argument, *given]
        if argument == "--json":
            session.json = True
        elif argument in ("--yes", "-y"):
            session.yes = True
        elif name in _WITH_VALUE:
            attribute, wanted = _WITH_VALUE[name]
            value = _required(name, wanted, value if equals else next(given, ""))
            if name == "--host" and _has_own_host(rest) and "://" not in value:
                rest += [name, value]
            else:
                setattr(session, attribute, value)
        else:
            rest.append(argument)
    return ["version"] if rest == ["--version"] else rest


def _has_own_host(words: list[str]) -> bool:
    """Return True for the commands whose `--host` is no daemon: simulators, discoveries, and a visitor's host."""
    return words[:1] == ["sim"] or words[:2] in (["device", "discover"], ["visitor", "add"])


# What never asks a daemon, and would do here what was meant for another computer.
_LOCAL = ("init", "run", "demo", "bench", "restore", "recover", "udev", "sim")
_FLAGS = ("--json", "--yes", "--help")
_WITH_VALUE = {
    "--home": ("home_option", "a folder"),
    "--host": ("host", "the address of another daemon"),
    "--token-file": ("token_file", "a file with an API token"),
    "--tls-ca": ("tls_ca", "a file of PEM certificates"),
}


def _required(name: str, wanted: str, given: str) -> str:
    # An empty one, from a script's variable that was never set, must not end up in the usual home.
    if not given:
        raise typer.BadParameter(f"{name} needs {wanted}")
    return given

"""Around every command: --home, --json and --yes anywhere on the line, one-line errors, exit codes of INTERFACES."""

import os
import sys
from collections.abc import Sequence
from functools import cache

import typer
import typer.main
from typer.exceptions import TyperException

from devicemgr.cli.api_client import ApiProblem
from devicemgr.cli.context import Session, use
from devicemgr.errors import DevicemgrError
from devicemgr.store.ledger.sudo_claim import VARIABLE, claimed
from devicemgr.text import json_line, safe

USAGE = 2
INTERRUPTED = 1
_TYPER_INTERRUPTED = 130
COMMON_OPTIONS = (
    "Everywhere: --json prints one JSON document; --home DIR chooses the home (else DEVICEMGR_HOME); --yes answers "
    "what a command asks before it destroys something, and is needed for that without a terminal."
)


def run(app: typer.Typer, session: Session, arguments: Sequence[str]) -> int:
    """Run the command line and give its exit code."""
    _explain_common_options(app)
    try:
        rest = _take_common_options(session, list(arguments))
        with use(session), claimed(os.environ.get(VARIABLE)):  # for what works without the API: backup, restore
            code = _ended(_command(app)(rest, prog_name="devicemgr", standalone_mode=False))
            session.tell_if_frozen()
            return code
    except (BrokenPipeError, SystemExit):
        # The reader of a pipe has enough, for which Typer leaves by SystemExit; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _failed(session, error)
    finally:
        session.close()


_command = cache(typer.main.get_command)  # reading the signature of each is slow


def _ended(result: object) -> int:
    sys.stdout.flush()
    if result == _TYPER_INTERRUPTED:
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _failed(session: Session, error: BaseException) -> int:
    match error:
        case typer.Exit():
            return error.exit_code
        case typer.Abort() | KeyboardInterrupt():
            return _tell("interrupted; nothing is left half done", INTERRUPTED)
        case TyperException():
            show = getattr(error, "show", None)
            return (show(), error.exit_code)[1] if show else _tell(str(error), error.exit_code)
        case ApiProblem() if session.json and "faces" in error.document:
            print(json_line(_faces(error.document["faces"])))
            return _tell(str(error), error.exit_code)
        case DevicemgrError():
            return _tell(str(error), error.exit_code)
    raise error


def _tell(text: str, code: int) -> int:
    print(f"error: {safe(text, 1000)}", file=sys.stderr)
    return code


def _faces(faces: list[dict[str, object]]) -> dict[str, object]:
    return faces[0] if len(faces) == 1 else {"ok": False, "faces": faces}


def _take_common_options(session: Session, arguments: list[str]) -> list[str]:
    rest: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument == "--":
            return [*rest, argument, *given]
        if argument == "--json":
            session.json = True
        elif argument in ("--yes", "-y"):
            session.yes = True
        elif argument == "--home":
            session.home_option = _folder(next(given, ""))
        elif argument.startswith("--home="):
            session.home_option = _folder(argument.removeprefix("--home="))
        else:
            rest.append(argument)
    return rest


def _folder(given: str) -> str:
    # An empty one, from a script's variable that was never set, must not end up in the usual home.
    if not given:
        raise typer.BadParameter("--home needs a folder")
    return given


def _explain_common_options(app: typer.Typer) -> None:
    app.info.epilog = COMMON_OPTIONS
    for command in app.registered_commands:
        command.epilog = COMMON_OPTIONS
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _explain_common_options(group.typer_instance)

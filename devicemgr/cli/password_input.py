"""Passwords from standard input or a variable, never from the command line, where every user could read them."""

import os
import sys
from typing import Annotated

import typer

from devicemgr.errors import InvalidInput

_MOST = 1000

FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, or prompt for it without echo."),
]
FromVariable = Annotated[
    str | None, typer.Option("--password-env", metavar="VAR", help="Take the password from this environment variable.")
]


def read_password(from_stdin: bool, variable: str | None) -> str | None:
    """Return the password, None when neither was given; InvalidInput when it is empty or absent."""
    if from_stdin and variable is not None:
        raise typer.BadParameter("give --password-stdin or --password-env, not both")
    if from_stdin:
        return _checked(_line(), "standard input held no password; pipe one line into the command")
    if variable is not None:
        return _checked(os.environ.get(variable, ""), f"the environment variable {variable} is not set, or empty")
    return None


def read_pin(from_stdin: bool, variable: str | None) -> str:
    """Return a PIN in the same ways; without either, from standard input, twice from a terminal."""
    if variable is None and sys.stdin.isatty():
        return str(typer.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True))
    return str(read_password(from_stdin or variable is None, variable))


def read_new_password(from_stdin: bool, variable: str | None) -> str:
    """Return a password to be set, in the same ways; without either, from standard input, twice from a terminal."""
    if variable is None and sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    return str(read_password(from_stdin or variable is None, variable))


def _line() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, err=True))
    return sys.stdin.readline(_MOST + 2).removesuffix("\n").removesuffix("\r")


def _checked(password: str, absent: str) -> str:
    if not password:
        raise InvalidInput(absent)
    if len(password) > _MOST:
        raise InvalidInput(f"the password is longer than {_MOST} characters")
    return password

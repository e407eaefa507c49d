"""The manual page devicemgr(1), made from the tables of commands, their parameters and their examples."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from devicemgr import __version__
from devicemgr.cli.command_table import SECTIONS
from devicemgr.cli.lazy_group import COMMON_OPTIONS

_EXIT_CODES = {
    0: "Done.",
    1: "Refused or failed: one line of standard error says what to do, and nothing is left half done.",
    2: "The command line can't be understood.",
    3: "The daemon, a device or a server could not be reached.",
    4: "A check found problems, a plan would change something, or alarms stand.",
}
_ENVIRONMENT = {
    "DEVICEMGR_HOME": "The home folder, unless --home names one.",
    "COLUMNS": "The width of tables, where there is no terminal.",
}
_FILES = {
    "/var/lib/devicemgr": "The home of the service: database, keys, socket.",
    "/etc/systemd/system/devicemgr.service": "The service, as `make install` sets it up.",
    "/etc/udev/rules.d/70-devicemgr.rules": "The names of serial devices.",
}
_HIDDEN = {"--help", "--install-completion", "--show-completion"}


def man_page(root: Any) -> str:
    """Return the page as roff source; `root` is the command that holds all others, loaded."""
    lines = [
        f'.TH DEVICEMGR 1 "" "devicemgr {__version__}" "User Commands"',
        # No hyphens are put into words, which may be copied, and lines are not stretched.
        *(".nh", ".ad l"),
        *_section("NAME", [rf"devicemgr \- {_text(_uncapitalized(root.help))}"]),
        *_section("SYNOPSIS", [r".B devicemgr", r"\fICOMMAND\fR [\fIARGUMENT\fR]... [\fIOPTION\fR]..."]),
        *_section("DESCRIPTION", [_text(root.help), ".PP", _text(COMMON_OPTIONS)]),
    ]
    for title, names in SECTIONS.items():
        lines += _section(title.upper(), _commands(root, names))
    lines += _section("EXIT STATUS", _terms({str(code): words for code, words in _EXIT_CODES.items()}))
    lines += _section("ENVIRONMENT", _terms(_ENVIRONMENT))
    lines += _section("FILES", _terms(_FILES))
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [f'.SH "{title}"', *lines]


def _terms(words: Mapping[str, str]) -> Iterator[str]:
    for term, meaning in words.items():
        yield from (".TP", rf".B {_text(term)}", _text(meaning))


def _commands(root: Any, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        command = root.commands.get(name)
        if command is None:
            continue
        inner = getattr(command, "commands", None)
        if inner is None:
            yield from _command(name, command)
            continue
        yield from (f'.SS "devicemgr {_text(name)}"', _text(command.help))
        for word, one in inner.items():
            yield from _command(f"{name} {word}", one)


def _command(words: str, command: Any) -> Iterator[str]:
    parameters = [one for one in command.params if not _HIDDEN & set(one.opts)]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    options = [one for one in parameters if one.param_type_name == "option"]
    synopsis = " ".join([*map(_argument, arguments), *([r"[\fIOPTION\fR]..."] if options else [])])
    yield from (".TP", rf"\fBdevicemgr {_text(words)}\fR {synopsis}".rstrip(), _text(command.help))
    yield ".RS"
    for one in arguments:
        yield from (".TP", rf"\fI{_text(_name(one))}\fR", _text(one.help or ""))
    for one in options:
        yield from (".TP", _option(one), _text(one.help or ""))
    if example := re.search(r"Example:\n +(.+)", command.epilog or ""):
        yield from (".PP", "Example:", ".PP", ".nf", rf".RS 4{chr(10)}{_text(example[1])}{chr(10)}.RE", ".fi")
    yield ".RE"


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper()).rstrip(".")


def _argument(parameter: Any) -> str:
    shown = rf"\fI{_text(_name(parameter))}\fR" + ("..." if parameter.nargs != 1 else "")
    return shown if parameter.required else f"[{shown}]"


def _option(parameter: Any) -> str:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in [*parameter.opts, *parameter.secondary_opts])
    is_flag = getattr(parameter, "is_flag", False)
    value = "" if is_flag else rf" \fI{_text(_name(parameter).replace('-', '_'))}\fR"
    return f"{names}{value}"


def _uncapitalized(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _text(text: str) -> str:
    """Return text that roff shows as it is: no control lines, no escapes, ASCII hyphens that can be copied."""
    plain = " ".join(text.replace("\b", "").split())
    escaped = plain.replace("\\", r"\e").replace("-", r"\-").replace("…", "...").replace("–", r"\(en")
    return rf"\&{escaped}" if escaped[:1] in ".'" else escaped

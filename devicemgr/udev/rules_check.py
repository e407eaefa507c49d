"""Checks that the installed udev rules are what devicemgr would write, and gave each adapter its name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from devicemgr.errors import Hint
from devicemgr.text import safe
from devicemgr.udev.rules import FILE, Port, Rule, compose, names_in, parse, site_lines
from devicemgr.udev.rules_file import udevadm

FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/etc/udev/rules.d",
        "/run/udev/rules.d",
        "/usr/local/lib/udev/rules.d",
        "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
    )
)
GATE = Path("/dev/gate")
_AFTER = "60-serial.rules"
_VERIFIES_SINCE = 254


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with what, and what to do."""

    what: str
    problem: str
    fix: str | None = None
    hint: Hint | None = None


def rules_in(installed: str) -> list[Rule]:
    """Return the rules that devicemgr understands, in the order of the file."""
    return [rule for line in site_lines(installed) if (rule := parse(line))]


def file_problems(installed: str, template: str, folders: Sequence[Path]) -> Iterator[Problem]:
    """Yield the file itself: present, as it would be written, each name given once, read after 60-serial.rules."""
    again = Hint("install_rules")
    if not installed:
        yield Problem(FILE, "it is not installed", hint=again)
        return
    for line in site_lines(installed):
        if not line.startswith("#") and parse(line) is None:
            yield Problem(
                FILE,
                f"this line was not written by devicemgr: {safe(line, 160)}",
                "check it",
                Hint("name_port"),
            )
    if installed != compose(template, installed, []):
        yield Problem(FILE, "it is not as this version writes it", hint=again)
    given = [name for line in site_lines(installed) for name in names_in(line)]
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield Problem(name, "two rules give this name", hint=Hint("name_port_again", name=name))
    yield from _among_others(set(given), folders)


def _among_others(ours: set[str], folders: Sequence[Path]) -> Iterator[Problem]:
    files = {file.name: file for folder in reversed(folders) for file in sorted(folder.glob("*.rules"))}
    if _AFTER not in files:
        yield Problem(_AFTER, "it is missing, so a USB port has no name in rules", "apt-get install --reinstall udev")
    for file_name, file in sorted(files.items()):
        if file_name == FILE:
            continue
        try:
            names = {name for line in file.read_text("utf-8", "replace").splitlines() for name in names_in(line)}
        except OSError:
            continue
        for name in sorted(names & ours):
            yield Problem(name, f"{file} gives this name too", f"remove that line from {file}")
        if names and file_name < _AFTER:
            yield Problem(str(file), f"it is read before {_AFTER}, which finds the USB ports", f"move it into {FILE}")


def port_problems(rules: Iterable[Rule], ports: Sequence[Port], gate: Path) -> Iterator[Problem]:
    """Yield the adapters: each rule fits one plugged port, and its link leads there."""
    fitting = {rule.name: [port for port in ports if rule.fits(port)] for rule in rules}
    for name, found in fitting.items():
        if not found:
            yield Problem(name, "its adapter is not plugged in", "plug it in", Hint("remove_name", name=name))
        elif len(found) > 1:
            paths = " and ".join(port.path for port in found)
            yield Problem(name, f"{paths} both claim this name", "pull one", Hint("suggest_rule", name=name))
        elif problem := _link_problem(gate / name, found[0]):
            yield problem
    yield from _one_name_each(fitting)


def _link_problem(link: Path, port: Port) -> Problem | None:
    again, hint = (
        "install the rules; if that does not help, pull the adapter and plug it in again",
        Hint("install_rules"),
    )
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return Problem(link.name, f"{port.path} fits, but there is no {link}", again, hint)
    if str(target) != port.path:
        return Problem(link.name, f"{link} leads to {safe(str(target), 100)} instead of {port.path}", again, hint)
    return None


def _one_name_each(fitting: Mapping[str, Sequence[Port]]) -> Iterator[Problem]:
    for (one, some), (other, more) in combinations(fitting.items(), 2):
        for path in sorted({port.path for port in some} & {port.path for port in more}):
            yield Problem(
                other,
                f"{path} is also called {one}, and two devices would talk on one line",
                hint=Hint("remove_name", name=other),
            )


def syntax_problems(file: Path) -> Iterator[Problem]:
    """Yield what `udevadm verify` says, where systemd has it (254 and later)."""
    code, said = udevadm("--version")
    number = re.match(r"\d+", said)
    if code or number is None or int(number[0]) < _VERIFIES_SINCE:
        return
    code, said = udevadm("verify", str(file))
    if code:
        yield Problem(file.name, f"udevadm verify: {said}", f"see: udevadm verify {file}")

"""`devicemgr udev …`: works on this host itself, not through the API."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.context import finish, session
from devicemgr.cli.hints import joined
from devicemgr.cli.output import emit, say, table, warn, words
from devicemgr.errors import AlreadyExists, InvalidInput, NotFound
from devicemgr.text import safe, slug
from devicemgr.udev import rules_check, rules_file
from devicemgr.udev.rules import Port, Rule, Suggestion, compose, names_in, parse, site_lines, suggest
from devicemgr.udev.serial_ports import usb_serial_ports

app = typer.Typer()

EXIT_PROBLEMS = 4


def _template() -> str:
    template = session().load_parts().udev_template
    if template is None or not template.is_file():
        raise NotFound("the rules template is not installed; install devicemgr again")
    return template.read_text(encoding="utf-8")


@app.command("rules")
def rules() -> None:
    """Print the rules template for /etc/udev/rules.d/70-devicemgr.rules."""
    text = _template()
    if not emit({"file": "70-devicemgr.rules.in", "rules": text}):
        typer.echo(text, nl=False)


@app.command("suggest")
def suggest_rules(
    name: Annotated[
        str | None, typer.Option(help="The name below /dev/gate; with several ports -1, -2 … follow.")
    ] = None,
) -> None:
    """Look at the plugged serial adapters, and print the rule that gives each a name."""
    ports = usb_serial_ports()
    names = _names(ports, slug("a port's", name) if name else None)
    found = [suggest(port, ports, names[port.path]) for port in ports]
    if emit([_suggestion_json(one) for one in found]):
        return
    rows = [
        (
            one.rule.name,
            one.port.path,
            one.port.product or f"{one.port.vid}:{one.port.pid}",
            one.port.serial,
            one.port.usb_port,
            "serial number" if one.pinned_by == "serial" else "USB port",
            one.note,
        )
        for one in found
    ]
    columns = ("name", "port", "adapter", "serial", "USB port", "known by", "note")
    table("", columns, rows, "no USB serial adapter is plugged in; plug one in, then look with: dmesg | tail")
    for one in found:
        words().print(f"\n{one.rule.text}", soft_wrap=True, markup=False)
    if found:
        example = f"{found[0].rule.name}={found[0].port.path}"
        words().print(f"\nTo install: sudo devicemgr udev install {example}", soft_wrap=True, markup=False)


def _names(ports: Sequence[Port], name: str | None) -> dict[str, str]:
    """Return a name for each port's path: the one it has, unless another is required."""
    if name is not None:
        return {port.path: name if len(ports) == 1 else f"{name}-{n}" for n, port in enumerate(ports, 1)}
    taken = {port.name for port in ports if port.name}
    free = (f"line-{n}" for n in range(1, 2 * len(ports) + 1) if f"line-{n}" not in taken)
    return {port.path: port.name or next(free) for port in ports}


def _suggestion_json(one: Suggestion) -> dict[str, Any]:
    port = one.port
    return {
        "name": one.rule.name,
        "path": port.path,
        "vid": port.vid,
        "pid": port.pid,
        "serial": port.serial,
        "usb_port": port.usb_port,
        "rule": one.rule.text,
        "pinned_by": one.pinned_by,
        "note": one.note,
    }


@app.command("install")
def install(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=PORT]…", help="A name and the plugged port that gets it.")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="A rule as `udev suggest` prints it; several are fine.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Take this name away.")] = None,
) -> None:
    """Write the rules file and let udev apply it; the rules for other names stay. Needs root."""
    file = rules_file.RULES
    template, gone = _template(), {slug("a port's", name) for name in remove or []}
    wanted = [*map(_given_rule, rule or []), *_pinned(names or [])]
    _refuse_twice([one.name for one in wanted])
    with rules_file.alone(file):
        before = rules_file.read(file)
        had = {name for line in site_lines(before) for name in names_in(line)}
        for name in sorted(gone - had):
            raise NotFound(f"no rule gives the name '{name}'; `devicemgr udev verify` lists the names")
        _refuse_same_port(wanted, [one for one in rules_check.rules_in(before) if one.name not in gone])
        text = compose(template, before, wanted, gone)
        active = rules_file.install(text, file)
    has = sorted({name for line in site_lines(text) for name in names_in(line)})
    if not active:
        warn("udev does not run here: the names appear when it starts")
    document = {
        "file": str(file),
        "changed": text != before,
        "installed": sorted(one.name for one in wanted),
        "removed": sorted(gone),
        "names": has,
        "active": active,
    }
    say(f"{file} names {', '.join(has) or 'nothing yet'}; check with: devicemgr udev verify", document)


def _given_rule(text: str) -> Rule:
    found = parse(text.strip())
    if found is None:
        raise InvalidInput(
            f"'{safe(text, 80)}' is not a rule of devicemgr; copy one that `devicemgr udev suggest` prints"
        )
    return found


def _pinned(given: Sequence[str]) -> list[Rule]:
    pairs = [text.partition("=") for text in given]
    for text, (name, _, path) in zip(given, pairs, strict=True):
        if not path:
            raise typer.BadParameter(f"{safe(text, 60)}: write NAME=PORT, such as turnstile-a=/dev/ttyUSB0")
        slug("a port's", name)
    ports = usb_serial_ports() if pairs else []
    return [_notice(suggest(_find(ports, path), ports, name)) for name, _, path in pairs]


def _find(ports: Sequence[Port], path: str) -> Port:
    for port in ports:
        if path == port.path or path in port.links or path.removeprefix("/dev/") == Path(port.path).name:
            return port
    raise NotFound(f"{safe(path, 60)} is no plugged USB serial adapter; `devicemgr udev suggest` lists them")


def _notice(one: Suggestion) -> Rule:
    if one.note:
        warn(f"{one.rule.name}: {one.note}")
    return one.rule


def _refuse_twice(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"'{name}' is given twice; each port needs a name of its own")


def _refuse_same_port(wanted: Sequence[Rule], there: Sequence[Rule]) -> None:
    """Two names for one port would put two devices on one line."""
    kept = [one for one in there if one.name not in {new.name for new in wanted}]
    for number, one in enumerate(wanted):
        for other in [*wanted[:number], *kept]:
            if one.match == other.match:
                raise AlreadyExists(
                    f"'{other.name}' is the same port as '{one.name}'; with --remove {other.name} it gets the new name"
                )


@app.command("verify")
def verify() -> None:
    """Check the installed rules and the links they make; exit 4 when something is wrong."""
    file = rules_file.RULES
    installed, template = rules_file.read(file), _template()
    rules, ports = rules_check.rules_in(installed), usb_serial_ports()
    problems = [
        *rules_check.file_problems(installed, template, rules_check.FOLDERS),
        *rules_check.port_problems(rules, ports, rules_check.GATE),
        *(rules_check.syntax_problems(file) if installed else ()),
    ]
    names = [{"name": one.name, "port": next((p.path for p in ports if one.fits(p)), None)} for one in rules]
    shown = [{"what": one.what, "problem": one.problem, "fix": joined(one.fix, one.hint)} for one in problems]
    if not emit({"ok": not problems, "file": str(file), "names": names, "problems": shown}):
        table("", ("name", "port"), [tuple(one.values()) for one in names], "no names yet: devicemgr udev suggest")
        table("", ("what", "PROBLEM", "what to do"), [tuple(one.values()) for one in shown], "no problems found")
    if problems:
        finish(EXIT_PROBLEMS)

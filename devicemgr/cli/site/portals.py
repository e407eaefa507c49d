"""`devicemgr portal …`."""

import math
from enum import StrEnum
from typing import Annotated, Any

import typer

from devicemgr.cli.areas.mode_words import mode_words
from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.hints import message_of
from devicemgr.cli.output import details, emit, say, table, warn
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.domain.model import ConsoleLiveness, Direction, FailMode, Liveness, Requirement
from devicemgr.domain.zones import Overridable
from devicemgr.text import counted

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The portal's name.")]
NameOrAll = Annotated[str | None, typer.Argument(metavar="NAME", help="The portal's name.")]
All = Annotated[bool, typer.Option("--all", help="All portals of the site; one that refuses does not stop the others.")]
Entry = Annotated[
    list[str] | None,
    typer.Option(metavar="DEVICE[:READER]", help="Where one presents to come in; several are fine."),
]
Exit = Annotated[
    list[str] | None,
    typer.Option(metavar="DEVICE[:READER]", help="Where one presents to go out; several are fine."),
]
Fail = Annotated[
    FailMode | None, typer.Option(help="Without power it stays shut (secure) or opens (safe); secure unless given.")
]
Require = Annotated[
    Requirement | None,
    typer.Option(help="What one must present, all of it; any, unless given, takes a face or a card."),
]
Live = Annotated[
    Liveness | None,
    typer.Option(help="off, unless given; passive tells a score; challenge wants a turn of the head."),
]
ConsoleLive = Annotated[
    ConsoleLiveness | None,
    typer.Option(
        help="With liveness on: refuse a console's face that comes without it (require, unless given), or trust it."
    ),
]
Frames = Annotated[int | None, typer.Option(help="Good pictures that must agree on a person, 2 to 5; 2 unless given.")]
Group = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Lanes side by side have the same group; '' for none, as it is unless given."),
]
Outside = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="The zone at its entry side; `outside` is the world outside, '' for none."),
]
Inside = Annotated[str | None, typer.Option(metavar="ZONE", help="The zone that its entry leads to; '' for none.")]
Egress = Annotated[
    bool | None, typer.Option("--egress/--no-egress", help="A way of escape: no rule of zones refuses an exit.")
]
People = Annotated[
    int | None, typer.Option(help="How many different people must present together, 1 to 5; 1 unless given.")
]
PeopleWithin = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Within what time, 1 to 60; 10 unless given.")
]
PeopleExit = Annotated[bool | None, typer.Option("--people-exit/--no-people-exit", help="Also to go out.")]
ConfirmBy = Annotated[
    list[str] | None,
    typer.Option(metavar="LEVEL", help="A level of which one of them must be; several are fine, '' for none."),
]
Collects = Annotated[
    bool | None,
    typer.Option(
        "--collects-cards/--no-collects-cards", help="Keeps the cards of visitors who leave: their visits end."
    ),
]
FreeTimes = Annotated[
    str | None,
    typer.Option("--free", metavar="SCHEDULE", help="The schedule in whose hours it is free for all; '' for none."),
]
FreeAfter = Annotated[
    list[str] | None,
    typer.Option(metavar="LEVEL", help="Free only after someone of this level has entered; several; '' for none."),
]
Seconds = Annotated[float | None, typer.Option(help="How long it stays released, 0.1 to 60; 5 unless given.")]


def _gate(text: str) -> dict[str, Any]:
    device, sign, channel = text.rpartition(":")
    if not sign:
        return {"gate": text}
    if not device or not (channel.isascii() and channel.isdigit()):
        raise typer.BadParameter("--gate: write DEVICE or DEVICE:CHANNEL, such as turnstile-a:1")
    return {"gate": device, "channel": int(channel)}


def _body(gate: str | None, entry: list[str] | None, leave: list[str] | None, **given: Any) -> dict[str, Any]:
    seconds = given["release_seconds"]
    if seconds is not None and not math.isfinite(seconds):
        raise typer.BadParameter("--release-seconds: give a number of seconds")
    given |= {"entry": entry or None, "exit": leave or None}
    body = {field: str(value) if isinstance(value, StrEnum) else value for field, value in given.items()}
    return {field: value for field, value in body.items() if value is not None} | (_gate(gate) if gate else {})


def _named(outside: str | None, inside: str | None, free: str | None, free_after: list[str] | None) -> dict[str, Any]:
    """Return the zones, the schedule and the levels that were given; an empty name is null."""
    given = {"outside": outside, "inside": inside, "free": free}
    body: dict[str, Any] = {field: name or None for field, name in given.items() if name is not None}
    return body | ({"free_after": [level for level in free_after if level]} if free_after else {})


def _people_words(found: dict[str, Any]) -> str:
    words = f"{found['people']} together within {found['people_within']:g} s"
    words += f", one of {' or '.join(found['confirm_by'])}" if found["confirm_by"] else ""
    return words + (", also to go out" if found["people_exit"] else "")


def _warn_of(found: dict[str, Any]) -> None:
    for text in found["warnings"]:
        warn(text)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as main.")],
    gate: Annotated[str, typer.Option(metavar="DEVICE[:CHANNEL]", help="What opens it; channels count from 1.")],
    entry: Entry = None,
    exit: Exit = None,
    fail: Fail = None,
    release_seconds: Seconds = None,
    require: Require = None,
    liveness: Live = None,
    frames: Frames = None,
    lane_group: Group = None,
    console_liveness: ConsoleLive = None,
    outside: Outside = None,
    inside: Inside = None,
    egress: Egress = None,
    people: People = None,
    people_within: PeopleWithin = None,
    people_exit: PeopleExit = None,
    confirm_by: ConfirmBy = None,
    collects_cards: Collects = None,
    free_: FreeTimes = None,
    free_after: FreeAfter = None,
) -> None:
    """Add a portal."""
    how = {
        "fail": fail,
        "release_seconds": release_seconds,
        "require": require,
        "liveness": liveness,
        "frames": frames,
        "lane_group": lane_group,
        "console_liveness": console_liveness,
        "egress": egress,
        "people": people,
        "people_within": people_within,
        "people_exit": people_exit,
        "confirm_by": None if confirm_by is None else [level for level in confirm_by if level],
        "collects_cards": collects_cards,
    }
    names = _named(outside, inside, free_, free_after)
    found = api().post("/portals", {"name": name} | _body(gate, entry, exit, **how) | names)
    _warn_of(found)
    say(f"added {found['name']}; try it with: devicemgr portal open {found['name']}", found)


@app.command("list")
def list_() -> None:
    """List the portals and their state."""
    portals = api().get("/portals")
    if not emit(portals):
        rows = [
            (p["name"], f"{p['gate']}:{p['channel']}", p["entry"], p["exit"], mode_words(p), p["state"])
            for p in portals
        ]
        columns = ("portal", "gate", "entry", "exit", "mode", "state")
        table("", columns, rows, "no portals yet: devicemgr portal add --help")


@app.command("show")
def show(name: Name) -> None:
    """Show one portal."""
    found = api().get(path("portals", name))
    if not emit(found):
        shown = {"portal": found["name"], "gate": f"{found['gate']}:{found['channel']}"}
        shown |= {key: found[key] for key in ("entry", "exit")}
        shown |= {"mode": mode_words(found), "state": found["state"]}
        shown |= {"without power": found["fail"], "release": f"{found['release_seconds']:g} s"}
        shown |= {"lane group": found["lane_group"]} if found["lane_group"] else {}
        if found["inside"]:
            egress = ", a way of escape" if found["egress"] else ""
            shown |= {"leads": f"from {found['outside']} to {found['inside']}{egress}"}
        if found["free"]:
            after = f", after {' or '.join(found['free_after'])}" if found["free_after"] else ""
            shown |= {"free times": f"schedule {found['free']}{after}"}
        shown |= {"require": found["require"], "liveness": found["liveness"]}
        if found["people"] > 1:
            shown |= {"people": _people_words(found)}
        details(shown | {"console without liveness": found["console_liveness"], "pictures that agree": found["frames"]})


@app.command("edit")
def edit(
    name: Name,
    gate: Annotated[str | None, typer.Option(metavar="DEVICE[:CHANNEL]", help="What opens it from now on.")] = None,
    entry: Entry = None,
    exit: Exit = None,
    fail: Fail = None,
    release_seconds: Seconds = None,
    require: Require = None,
    liveness: Live = None,
    frames: Frames = None,
    lane_group: Group = None,
    console_liveness: ConsoleLive = None,
    outside: Outside = None,
    inside: Inside = None,
    egress: Egress = None,
    people: People = None,
    people_within: PeopleWithin = None,
    people_exit: PeopleExit = None,
    confirm_by: ConfirmBy = None,
    collects_cards: Collects = None,
    free_: FreeTimes = None,
    free_after: FreeAfter = None,
) -> None:
    """Change a portal; --entry and --exit replace the devices of that side."""
    how = {
        "fail": fail,
        "release_seconds": release_seconds,
        "require": require,
        "liveness": liveness,
        "frames": frames,
        "lane_group": lane_group,
        "console_liveness": console_liveness,
        "egress": egress,
        "people": people,
        "people_within": people_within,
        "people_exit": people_exit,
        "confirm_by": None if confirm_by is None else [level for level in confirm_by if level],
        "collects_cards": collects_cards,
    }
    body = _body(gate, entry, exit, **how) | _named(outside, inside, free_, free_after)
    if not body:
        raise typer.BadParameter("nothing to change; give --gate, --entry, --exit or another option of `portal add`")
    found = api().call("PATCH", path("portals", name), json=body)
    _warn_of(found)
    say(f"changed {name}", found)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a portal that no level covers. Asks first, unless --yes."""
    confirm(f"remove portal {name} (gate {api().get(path('portals', name))['gate']})")
    say(f"removed portal {name}", api().call("DELETE", path("portals", name)))


@app.command("open")
def open_(
    name: Name,
    direction: Annotated[Direction, typer.Option(help="Which way the person goes.")] = Direction.ENTRY,
    override: Annotated[
        Overridable | None, typer.Option(help="Open although another portal of its interlock is not shut.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, with --override; it is recorded.")] = None,
) -> None:
    """Let one person pass, now."""
    if (override is None) != (reason is None):
        raise typer.BadParameter("--override and --reason go together")
    body = {"direction": str(direction)}
    body |= {"override": str(override), "reason": reason} if override and reason else {}
    found = api().post(path("portals", name, "open"), body)
    full = found.get("occupancy")
    crowded = f"; occupancy of {full['zone']}: {full['count']} of {full['max']}" if full else ""
    say(f"{name} is released for one {direction}{_unproven(found)}{crowded}", found)


def _set_mode(name: str | None, mode: str, done: str, *, all: bool) -> None:
    if all == (name is not None):
        raise typer.BadParameter("give the name of a portal, or --all")
    if name is not None:
        despite = _despite([api().get(path("portals", name))], mode) if mode == "free" else ""
        if despite:
            confirm(f"let {name} be {done}{despite}")
        text, found = _change_mode(name, mode, done, despite_threat=bool(despite))
        say(text, found)
        return
    _set_mode_of_all(mode, done)


def _set_mode_of_all(mode: str, done: str) -> None:
    """Set the mode of each portal; one that refuses keeps none of the others from it. Asks first."""
    results, failed = [], None
    portals = api().get("/portals")
    despite = _despite(portals, mode)
    confirm(f"let all {counted(len(portals), 'portal')} be {done}{despite}")
    for portal in portals:
        try:
            text, found = _change_mode(portal["name"], mode, done, despite_threat=bool(despite))
            results.append({"portal": portal["name"], "ok": True} | found)
            if not session().json:
                say(text)
        except ApiProblem as problem:
            failed = problem
            results.append({"portal": portal["name"], "ok": False, "error": message_of(problem)})
            warn(f"{portal['name']}: {message_of(problem)}")
    emit(results)
    if failed is not None:
        warn(f"{counted(sum(not one['ok'] for one in results), 'portal')} of {len(results)} refused; see above")
        finish(failed.exit_code)


def _despite(portals: list[dict[str, Any]], mode: str) -> str:
    """Return what to add to a question about portals that a threat keeps from being free."""
    threats = sorted({portal["rule"] for portal in portals if portal["because"] == "threat"})
    return f" although {' and '.join(threats)} is in force" if mode == "free" and threats else ""


def _change_mode(name: str, mode: str, done: str, *, despite_threat: bool) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {"mode": mode} | ({"despite_threat": True} if despite_threat else {})
    found = api().call("PUT", path("portals", name, "mode"), json=body)
    text = f"{name} is {done}{_in_force(found)}"
    if not found["applied"]:
        warn(f"the gate of {name} was not sent the mode yet ({found['cause']}); it is sent as soon as it can be")
        text = f"{name} is recorded as {mode}, and the gate follows"
    return text + _unproven(found), found


def _in_force(found: dict[str, Any]) -> str:
    """Return what to add where another mode is in force than the guard has set."""
    if found["effective_mode"] == found["mode"] and found["because"] != "threat":
        return ""
    why = " ".join(filter(None, (found["because"], found["rule"])))
    return f", and now {found['effective_mode']} by {why}"


def _unproven(found: dict[str, Any]) -> str:
    """Return what to add to a success message when the gate gives no feedback."""
    return ": sent, not confirmed (this gate gives no feedback; look at it)" if found.get("outcome") == "sent" else ""


@app.command("lock")
def lock(name: NameOrAll = None, all: All = False) -> None:
    """Let no one pass until `normal`; fire release stays as it is wired."""
    _set_mode(name, "locked", "locked", all=all)


@app.command("free")
def free(name: NameOrAll = None, all: All = False) -> None:
    """Let everybody pass until `normal`."""
    _set_mode(name, "free", "free", all=all)


@app.command("normal")
def normal(name: NameOrAll = None, all: All = False) -> None:
    """Let in who may pass, as usual."""
    _set_mode(name, "normal", "normal", all=all)

"""`devicemgr muster …`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.areas import muster_sheet
from devicemgr.cli.confirmation import save
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, local, notes, say, table
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import Hint, NotFound, RequestError
from devicemgr.text import counted

app = typer.Typer()

Id = Annotated[str | None, typer.Argument(metavar="[ID]", help="As `muster list` shows it; else the one that runs.")]
Zone = Annotated[str | None, typer.Option("--zone", metavar="ZONE", help="The muster of this zone.")]
_WORDS = {"missing": "missing", "safe": "safe", "out": "out", "not_here": "not here"}


class Form(StrEnum):
    """How a list is printed."""

    HTML = "html"
    CSV = "csv"


@app.command("start")
def start(
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of this zone only; else of the whole site.")] = None,
    drill: Annotated[bool, typer.Option("--drill", help="It is only a drill: `status` shows no alarm.")] = False,
    on_fire: Annotated[
        bool, typer.Option("--on-fire", help="Not now: whenever a fire input becomes active, until `end --on-fire`.")
    ] = False,
) -> None:
    """Begin a muster: the list of people who are inside at this moment."""
    if on_fire and drill:
        raise typer.BadParameter("--on-fire begins real musters; leave --drill out")
    if on_fire:
        found = api().call("PUT", "/musters/armed", json={"zone": zone})
        say(f"a fire input begins a muster of {_place(zone)} from now on", found)
        return
    found = api().post("/musters", {"zone": zone, "drill": drill})
    people = counted(len(found["missing"]), "person is", "people are")
    say(f"{_name(found)} runs: {people} on the list{_unnamed(found)}; see it with: devicemgr muster show", found)


@app.command("mark")
def mark(
    badge: Annotated[str, typer.Argument(help="Badge number.")],
    safe: Annotated[bool, typer.Option("--safe", help="The person was seen, and is safe.")] = False,
    not_here: Annotated[
        bool, typer.Option("--not-here", help="The person is known to be elsewhere; give a --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="How that is known; required with --not-here.")] = "",
    zone: Zone = None,
    missing: Annotated[bool, typer.Option("--missing", help="Take your own marks of the person back.")] = False,
) -> None:
    """Mark a person as safe, or as not here with a reason, in the musters that run; or take your marks back."""
    if safe + not_here + missing != 1:
        raise typer.BadParameter("give one of --safe, --not-here and --missing")
    if not_here and not reason.strip():
        raise typer.BadParameter("--not-here needs a --reason, such as 'on a business trip'")
    marked = "safe" if safe else "not_here" if not_here else "missing"
    body = {"badge": badge, "mark": marked, "reason": reason}
    body |= {"muster": _chosen(None, zone, is_running=True)["id"]} if zone is not None else {}
    found = api().post("/musters/marks", body)
    left = ", ".join(f"{one['id']}: {one['totals']['missing']} missing" for one in found)
    what = "no longer marked by you" if missing else f"marked as {_WORDS[marked]}"
    say(f"{badge} is {what}; {left}", found)


@app.command("end")
def end(
    muster: Id = None,
    zone: Zone = None,
    on_fire: Annotated[
        bool, typer.Option("--on-fire", help="End no muster: let fire inputs begin none of --zone any more.")
    ] = False,
) -> None:
    """End a muster, and record how many people were found."""
    if on_fire:
        found = api().call("DELETE", "/musters/armed", params={"zone": zone})
        say(f"a fire input begins no muster of {_place(zone)} any more", found)
        return
    chosen = _chosen(muster, zone, is_running=True)
    found = api().post(path("musters", chosen["id"], "end"))
    say(f"ended {_name(found)}: {_totals(found)}", found)


@app.command("list")
def list_() -> None:
    """List the musters that run, and the last that ended, the newest first."""
    musters = api().get("/musters")
    if emit(musters):
        return
    rows = [
        (
            one["id"],
            one["state"],
            one["zone"],
            "drill" if one["drill"] else one["because"],
            local(one["started"]),
            *(one["totals"][word] for word in _WORDS),
        )
        for one in musters
    ]
    columns = ("muster", "state", "zone", "note", "started", *_WORDS.values())
    table("", columns, rows, "no musters yet: devicemgr muster start")
    if armed := api().get("/musters/armed")["zones"]:
        notes().print(f"a fire input begins a muster of: {', '.join(map(_place, armed))}")


@app.command("show")
def show(muster: Id = None, zone: Zone = None) -> None:
    """Show who is missing, and who was found and how, by zone."""
    found = _whole(muster, zone)
    if emit(found):
        return
    heading = {"muster": found["id"], "state": found["state"], "of": _place(found["zone"])}
    heading |= {"drill": "yes"} if found["drill"] else {}
    heading |= {"started": local(found["started"]), "by": found["by"] or found["because"]}
    heading |= {"ended": local(found["ended"])} if found["ended"] else {}
    details(heading | {"found": _totals(found)} | muster_sheet.unnamed_words(found))
    rows = [
        (one["badge"], one.get("name"), word, one["zone"], local(one["since"]), muster_sheet.notes_of(one))
        for state, word in _WORDS.items()
        for one in found[state]
    ]
    columns = ("badge", "name", "state", "last recorded in", "since", "note")
    table("", columns, rows, "no one was recorded inside")


@app.command("print")
def print_(
    file: Annotated[Path | None, typer.Argument(help="Where to; else standard output.")] = None,
    muster: Annotated[str | None, typer.Option("--muster", metavar="ID", help="Else the one that runs.")] = None,
    zone: Zone = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="html, a page for printing, or csv; else as FILE ends.")
    ] = None,
) -> None:
    """Print a muster's list by zone, as a page to be printed or as a table."""
    is_csv = form is Form.CSV or (form is None and file is not None and file.suffix.lower() == ".csv")
    found = _whole(muster, zone)
    if emit(found):
        return
    text = muster_sheet.as_csv(found) if is_csv else muster_sheet.as_html(found)
    if file is None:
        typer.echo(text, nl=False)
        return
    save(file, text.encode())
    say(f"wrote {_name(found)} to {file}", {"file": str(file)})


def _whole(muster: str | None, zone: str | None) -> dict[str, Any]:
    if muster is None:
        muster = _chosen(None, zone, is_running=False)["id"]
    found: dict[str, Any] = api().get(path("musters", muster))
    return found


def _chosen(muster: str | None, zone: str | None, *, is_running: bool) -> dict[str, Any]:
    """Return the muster that is meant: by its id, of a zone, the only one that runs, or else the last that ended."""
    listed: list[dict[str, Any]] = api().get("/musters")
    found = [one for one in listed if zone is None or one["zone"] == zone]
    if muster is not None:
        found = [one for one in listed if one["id"] == muster]
    running = [one for one in found if one["state"] == "running"]
    if len(running) > 1:
        names = ", ".join(one["id"] for one in running)
        raise RequestError(f"several musters run: {names}; name one, by ID or --zone")
    found = running or ([] if is_running else found[:1])
    if not found:
        of = f" '{muster}'" if muster else f" of zone '{zone}'" if zone else ""
        raise NotFound(
            f"no muster{of} runs" if is_running else f"there was no muster{of} yet", hint=Hint("list_musters")
        )
    return found[0]


def _name(found: dict[str, Any]) -> str:
    return f"{'drill' if found['drill'] else 'muster'} {found['id']} of {_place(found['zone'])}"


def _place(zone: str | None) -> str:
    return "the whole site" if zone is None else f"zone {zone}"


def _totals(found: dict[str, Any]) -> str:
    return ", ".join(f"{found['totals'][state]} {word}" for state, word in _WORDS.items())


def _unnamed(found: dict[str, Any]) -> str:
    return "".join(f", {text}" for text in muster_sheet.unnamed_words(found).values())

"""`devicemgr source …`: tables that people come from by themselves."""

from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import details, emit, say, table, warn
from devicemgr.cli.people.tables import show_changes, summary, with_advice
from devicemgr.cli.transport.api_client import path
from devicemgr.text import counted, safe

source = typer.Typer()

EXIT_DIFFERS = 4
_SECONDS = 3600.0

SourceName = Annotated[str, typer.Argument(help="The source's name.")]
Kind = Annotated[str | None, typer.Option(metavar="csv|xlsx", help="What the file is; CSV may be separated by tabs.")]
File = Annotated[
    str | None, typer.Option("--file", "--path", metavar="NAME", help="The name of a file in the drop folder.")
]
Every = Annotated[str | None, typer.Option(metavar="1h|change", help="How often it is read; change: when it changed.")]
Column = Annotated[
    list[str] | None, typer.Option("--column", metavar="FIELD=HEADER", help="Header that stands for a field; several.")
]
LevelOf = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="GROUP=LEVEL", help="Level of a group under 'levels'; several; '' for none."),
]
Missing = Annotated[
    str | None, typer.Option(metavar="suspend|remove|keep", help="What becomes of people it names no longer.")
]
EraseAfter = Annotated[
    int | None, typer.Option("--erase-after", metavar="DAYS", help="Then erase those it suspended; 0: never.")
]
MostChanges = Annotated[
    int | None, typer.Option(metavar="N", help="How many may lose rights in one run; else 10, or a tenth.")
]
Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="Encoding of a CSV: cp1251, utf-16 …")]
Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of a workbook; else the first.")]
AsWritten = Annotated[
    bool | None, typer.Option("--as-written/--check-zeros", help="Badges with and without zeros in front are right.")
]


def _pairs(texts: list[str] | None, what: str, example: str) -> dict[str, str] | None:
    """Return what `LEFT=RIGHT` options say; None without one, and nothing for an empty one."""
    if not texts:
        return None
    found: dict[str, str] = {}
    for text in filter(str.strip, texts):
        # A field and a level have no '=' in them, a header and a group may.
        left, _, right = text.rpartition("=") if what.endswith("LEVEL") else text.partition("=")
        if not (left.strip() and right.strip()) or left.strip() in found:
            raise typer.BadParameter(f"write {what}, such as {example}, and each only once")
        found[left.strip()] = right.strip()
    return found


def _given(
    kind: str | None,
    file: str | None,
    columns: list[str] | None,
    levels: list[str] | None,
    erase_after: int | None,
    **plain: Any,
) -> dict[str, Any]:
    """Return the fields that the options give."""
    found = {"kind": kind, "file": file} | plain
    found |= {
        "columns": _pairs(columns, "--column FIELD=HEADER", "badge='Card No.'"),
        "map": _pairs(levels, "--map GROUP=LEVEL", "Warehouse=warehouse"),
    }
    given = {name: value for name, value in found.items() if value is not None}
    return given if erase_after is None else given | {"erase_after_days": erase_after or None}


@source.command("add")
def add_source(
    name: Annotated[str, typer.Argument(help="A short name, such as hr.")],
    kind: Kind = None,
    file: File = None,
    every: Every = None,
    column: Column = None,
    map_: LevelOf = None,
    missing: Missing = None,
    erase_after: EraseAfter = None,
    most_changes: MostChanges = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    as_written: AsWritten = None,
) -> None:
    """Add a source: a table in the drop folder that the site's people follow."""
    if file is None:
        raise typer.BadParameter("name the file in the drop folder with --file")
    kind = kind or ("xlsx" if file.lower().endswith(".xlsx") else "csv")
    plain = {"every": every, "missing": missing, "most_changes": most_changes, "as_written": as_written}
    body = _given(kind, file, column, map_, erase_after, encoding=encoding, sheet=sheet, **plain)
    found = api().post("/sources", {"name": name, **body})
    say(f"added source {name}: put {found['file']} into {found['folder']}, then devicemgr source plan {name}", found)


@source.command("list")
def list_sources() -> None:
    """List the sources and how their last runs ended."""
    found = api().get("/sources")
    if not emit(found):
        rows = [(one["name"], one["file"], one["every"], one["people"], _last(one), _state(one)) for one in found]
        header = ("source", "file", "every", "people", "last run", "state")
        table("", header, rows, "no sources yet: devicemgr source add NAME --file staff.csv")


def _last(found: dict[str, Any]) -> str | None:
    last = found.get("last")
    return last["at"] if last else None


def _state(found: dict[str, Any]) -> str:
    if held := found.get("held"):
        return f"held: {held['taken_away']} would lose rights, over {held['max_taken_away']}"
    if failed := found.get("failed"):
        return f"failed: {failed['cause']}"
    return "unsure who is missing" if found.get("unsure") else "ok" if found.get("last") else "not read yet"


@source.command("show")
def show_source(name: SourceName) -> None:
    """Show what a source states, and how its last run ended."""
    found = api().get(path("sources", name))
    if emit(found):
        return
    shown = {key: value for key, value in found.items() if key not in ("last", "held", "failed", "columns", "map")}
    shown |= {
        "columns": [f"{field}={header}" for field, header in found["columns"].items()],
        "map": [f"{group}={level}" for group, level in found["map"].items()],
        "last run": _last(found),
        "state": _state(found),
    }
    if held := found.get("held"):
        shown["accept"] = f"devicemgr source sync {name} --accept {held['digest']}"
    details(shown)


@source.command("edit")
def edit_source(
    name: SourceName,
    kind: Kind = None,
    file: File = None,
    every: Every = None,
    column: Column = None,
    map_: LevelOf = None,
    missing: Missing = None,
    erase_after: EraseAfter = None,
    most_changes: MostChanges = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    as_written: AsWritten = None,
) -> None:
    """Change what a source states; --column and --map replace all of theirs."""
    plain = {"every": every, "missing": missing, "most_changes": most_changes, "as_written": as_written}
    body = _given(kind, file, column, map_, erase_after, encoding=encoding, sheet=sheet, **plain)
    if not body:
        raise typer.BadParameter("nothing to change; see --help")
    found = api().call("PATCH", path("sources", name), json=body)
    say(f"source {name} is changed: devicemgr source plan {name}", found)


@source.command("remove")
def remove_source(name: SourceName) -> None:
    """Remove a source; its people stay as they are. Asks first, unless --yes."""
    found = api().get(path("sources", name))
    kept = counted(found["people"], "person stays", "people stay")
    confirm(f"remove source {name}; its {kept} as they are, and no one who leaves is suspended any more")
    removed = api().call("DELETE", path("sources", name))
    say(f"removed source {name}; {counted(removed['people'], 'person', 'people')} are the site's own now", removed)


@source.command("plan")
def plan_source(name: SourceName) -> None:
    """Read a source and show what it would change; exit 4 if something would, or a row is wrong."""
    found = api().post(path("sources", name, "plan"), {}, timeout=_SECONDS)
    found["refused"] = with_advice(found["refused"])
    if not emit(found):
        _show(found)
    if found["changes"] or found["refused"] or found.get("unsure"):
        finish(EXIT_DIFFERS)


@source.command("sync")
def sync_source(
    name: SourceName,
    accept: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Make a plan that was held for taking away from many.")
    ] = None,
) -> None:
    """Read a source now and make its changes, all or none; exit 4 when a row was not taken."""
    _confirm_removals(name)
    found = api().post(path("sources", name, "sync"), {"accept": accept}, timeout=_SECONDS)
    found["refused"] = with_advice(found["refused"])
    if not emit(found):
        _show(found)
    if found["refused"] or found.get("unsure"):
        finish(EXIT_DIFFERS)


def _confirm_removals(name: str) -> None:
    """Ask before people are erased; the daemon does it by itself, since the source says so."""
    if api().get(path("sources", name))["missing"] != "remove":
        return
    planned = api().post(path("sources", name, "plan"), {}, timeout=_SECONDS)
    removed = [f"{c['name']} (badge {c['badge']})" for c in planned["changes"] if c["change"] == "remove"]
    if removed:
        more = f" and {len(removed) - 20} more" if len(removed) > 20 else ""
        confirm(f"erase {counted(len(removed), 'person', 'people')}: {', '.join(removed[:20])}{more}")


def _show(found: dict[str, Any]) -> None:
    say(f"read {counted(found['rows'], 'row')} ({found['read_as']})")
    if found["is_guess"]:
        warn("the file does not name its encoding: check the names, or give --encoding")
    if found["ignored_columns"]:
        warn(f"columns that are not read: {', '.join(safe(header, 40) for header in found['ignored_columns'][:20])}")
    show_changes(found)
    if found["held"] and not found["applied"]:
        warn(
            f"{found['taken_away']} people would lose rights, over {found['max_taken_away']} at once, so it is held: "
            f"if it is right, devicemgr source sync {found['name']} --accept {found['digest']}"
        )
    say(summary(found))

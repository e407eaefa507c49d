"""`devicemgr person import` and `devicemgr person export`: everyone as a table, both ways."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm, save
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import cell, emit, local, say, table, through, warn
from devicemgr.cli.transport.api_client import path
from devicemgr.people.tables.columns import FIELDS
from devicemgr.people.tables.reader import JSON_FORM, Layout, Table, read_table
from devicemgr.people.tables.writer import Format, write_table
from devicemgr.text import counted, safe

app = typer.Typer()

EXIT_PROBLEMS = 4
_SECONDS = 3600.0
_MAX_SHOWN = 200
_SIGNS = {"add": "+", "edit": "~", "suspend": "-", "resume": "+", "remove": "-"}
_ADVICE = {
    "differs": "--update takes them",
    "badge_twice": "keep one row for each badge",
    "lost_zeros": "format the column as text and enter the badge again, or --as-written if it is right",
    "unreadable": "correct the row and import the table again",
    "unknown_level": "add the level (devicemgr level add), or correct its name and import the table again",
    "kept_by_source": "change it in the source, or leave it out here",
    "other_person": "keep the person in one source, each badge for one person",
}
_CORRECT = "correct the row and import the table again"

Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="Encoding of a CSV: cp1251, cp866, utf-16 …")]
SheetName = Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of a workbook; else the first.")]
ColumnNames = Annotated[
    list[str] | None, typer.Option("--column", metavar="FIELD=HEADER", help="Header that stands for a field.")
]


def layout_of(encoding: str | None, sheet: str | None, columns: list[str] | None) -> Layout:
    """Return what the options say of a table; a usage error for a column without a field."""
    pairs = [text.partition("=") for text in columns or ()]
    if not all(field and header for field, _, header in pairs):
        raise typer.BadParameter("write --column FIELD=HEADER, such as badge='Card No.'")
    return Layout(encoding, sheet, {field.strip(): header for field, _, header in pairs})


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, XLSX, or JSON as `person export` writes it.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show what would change; exit 4 if something would, or a row is wrong.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Also change people who are here with other values.")
    ] = False,
    missing: Annotated[
        str, typer.Option(metavar="keep|suspend|remove", help="What becomes of people whom the table does not name.")
    ] = "keep",
    accept: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Take a plan that was held for taking away from many.")
    ] = None,
    as_written: Annotated[
        bool,
        typer.Option(
            "--as-written", help="Badges with and without zeros in front are right; digits of cards are decimal."
        ),
    ] = False,
    encoding: Encoding = None,
    sheet: SheetName = None,
    column: ColumnNames = None,
) -> None:
    """Add people from a table, with levels, cards and dates; the same table again changes nothing.

    Exit 4 when a row was not taken. Asks before --missing remove, unless --yes.
    """
    if missing not in ("keep", "suspend", "remove"):
        raise typer.BadParameter("write --missing keep, suspend or remove")
    found = read_table(file, layout_of(encoding, sheet, column), ("badge",))
    note_form(found, file)
    body: dict[str, Any] = {"rows": [row.as_json() for row in found.rows], "update": update, "missing": missing}
    body |= {"accept": accept, "as_written": as_written or found.form == JSON_FORM}
    if missing == "remove" and not plan:
        _confirm_removals(body)
    answer = api().post("/people/import", body | {"plan": plan}, timeout=_SECONDS)
    document = _document(answer, found)
    if not emit(document):
        _show(document)
    if document["refused"] or answer.get("unsure") or (plan and answer["changes"]):
        finish(EXIT_PROBLEMS)


def note_form(found: Table, file: Path) -> None:
    """Warn of what was guessed, and of columns that are not read."""
    if found.is_guess:
        warn(f"{file.name} does not name its encoding; read as {found.form}: check the names, or give --encoding")
    if found.ignored:
        shown = ", ".join(safe(header, 40) for header in found.ignored[:20])
        warn(f"columns that are not read: {shown}; fields are {', '.join(FIELDS)} (--column FIELD=HEADER)")


def _confirm_removals(body: dict[str, Any]) -> None:
    planned = api().post("/people/import", body | {"plan": True}, timeout=_SECONDS)
    removed = [f"{c['name']} (badge {c['badge']})" for c in planned["changes"] if c["change"] == "remove"]
    if removed:
        more = f" and {len(removed) - 20} more" if len(removed) > 20 else ""
        confirm(f"erase {counted(len(removed), 'person', 'people')}: {', '.join(removed[:20])}{more}")


def with_advice(refused: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows that were not taken, each with what to do about it."""
    return [row | {"advice": _ADVICE.get(row["code"], _CORRECT)} for row in refused]


def _document(answer: dict[str, Any], found: Table) -> dict[str, Any]:
    return answer | {
        "refused": with_advice(answer["refused"]),
        "table": {"read_as": found.form, "rows": len(found.rows), "columns": list(found.fields)},
        "ignored_columns": list(found.ignored),
    }


def _show(document: dict[str, Any]) -> None:
    say(f"read {counted(document['table']['rows'], 'row')} ({document['table']['read_as']})")
    show_changes(document)
    if not document["applied"] and document["taken_away"] > document["max_taken_away"]:
        warn(
            f"{document['taken_away']} people would lose rights, over {document['max_taken_away']} at once: "
            f"without --plan this needs --accept {document['digest']}"
        )
    say(summary(document))


def show_changes(document: dict[str, Any]) -> None:
    """Print the changes of a plan, and the rows that were not taken."""
    changes = document["changes"]
    if changes:
        rows = [(_SIGNS[c["change"]], c["badge"], c["name"], _what(c)) for c in changes[:_MAX_SHOWN]]
        table("", ("", "badge", "name", "what"), rows, "")
        if len(changes) > _MAX_SHOWN:
            say(f"… and {len(changes) - _MAX_SHOWN} more; --json shows all")
    if document["refused"]:
        refused = [(_place(r.get("line")), r["badge"], r["why"], r["advice"]) for r in document["refused"]]
        table("Rows that were not taken, and why", ("row", "badge", "why", "what to do"), refused, "")
    if document.get("unsure"):
        warn(document["unsure"])


def _place(line: int | None) -> str | None:
    """Return where a row is, in words: on a narrow terminal the line heads a card of its own."""
    return None if line is None else f"line {line}"


def _what(change: dict[str, Any]) -> str:
    if change["change"] in ("suspend", "resume", "remove"):
        return str(change["change"])
    is_new = change["change"] == "add"
    parts = [change["change"]]
    for name, (before, after) in change["fields"].items():
        if name in ("levels", "cards", "department_levels"):
            label = "levels by department" if name == "department_levels" else name
            parts.append(f"{label}: {_steps(before or [], after or [])}")
        elif not is_new:
            parts.append(f"{name}: {_plain(name, before)} → {_plain(name, after)}")
        elif name != "name":
            parts.append(f"{name}: {_plain(name, after)}")
    return "; ".join(parts)


def _steps(before: list[str], after: list[str]) -> str:
    gone = [f"−{item}" for item in before if item not in after]
    return " ".join([*(f"+{item}" for item in after if item not in before), *gone])


def _plain(name: str, value: Any) -> str:
    if name in ("valid_from", "valid_to"):
        value = through(value) if name == "valid_to" else local(value)
    return cell(value).replace("\\[", "[")


def summary(document: dict[str, Any]) -> str:
    """Return in one line how much was changed, or is to be."""
    words = {"add": "added", "edit": "edited", "suspend": "suspended", "resume": "resumed", "remove": "removed"}
    if not document["applied"]:
        words = {name: f"to {name}" for name in words}
    numbers = {name: sum(c["change"] == name for c in document["changes"]) for name in words}
    parts = [f"{count} {words[name]}" for name, count in numbers.items() if count]
    return ", ".join([*parts, f"{document['unchanged']} unchanged", f"{len(document['refused'])} refused"])


@app.command("export")
def export(
    what: Annotated[
        str | None, typer.Argument(metavar="[BADGE|FILE]", help="A badge; or a .csv, .xlsx or .json for everyone.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Everyone as a table, into FILE or to standard output.")
    ] = None,
    templates: Annotated[
        bool, typer.Option("--templates", help="With the face's vectors; a second admin must approve.")
    ] = False,
) -> None:
    """Print the data subject's copy of one person as JSON; or everyone as a table that `person import` reads."""
    form = form or _format_of(what)
    if form is None:
        _export_person(str(what), templates=templates)
    elif templates:
        raise typer.BadParameter("--templates goes with the badge of one person")
    else:
        _export_table(Path(what) if what else None, form)


def _format_of(what: str | None) -> Format | None:
    suffix = Path(what).suffix.lower().removeprefix(".") if what else "csv"
    return Format(suffix) if suffix in list(Format) else None


def _export_person(badge: str, *, templates: bool) -> None:
    document = api().get(path("people", badge, "export"), templates=templates or None)
    if not emit(document):
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _export_table(file: Path | None, form: Format) -> None:
    if file is None and form is Format.XLSX and sys.stdout.isatty():
        raise typer.BadParameter("a workbook can't be shown; give a FILE.xlsx")
    people = api().get("/people")
    data = write_table(people, form)
    if file is None:
        typer.echo(data, nl=False)
        return
    save(file, data)
    say(f"wrote {counted(len(people), 'person', 'people')} to {file}", {"people": len(people), "file": str(file)})

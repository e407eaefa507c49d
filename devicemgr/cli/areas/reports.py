"""`devicemgr report …`."""

import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from devicemgr.cli.confirmation import save
from devicemgr.cli.context import api, session
from devicemgr.cli.output import say, table, warn
from devicemgr.operations.reports.files import TIMES, Format, columns_of, csv_lines, local, rows_of, workbook
from devicemgr.text import counted, json_line

app = typer.Typer()

_SECONDS = 600.0
_HEADERS = {"not_here": "not here", "host_name": "host's name", "valid_from": "from", "valid_to": "to"}

Since = Annotated[str, typer.Option("--from", metavar="T", help="From this date or time on: 2026-11-01, or RFC 3339.")]
Until = Annotated[str, typer.Option("--to", metavar="T", help="To the end of this date, or before this time.")]
Person = Annotated[str | None, typer.Option(metavar="BADGE", help="Of the person with this badge.")]
Zone = Annotated[str | None, typer.Option(metavar="ZONE", help="Of this zone and those below it.")]
Form = Annotated[Format | None, typer.Option("--format", help="A table, unless FILE or --json says otherwise.")]
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A .csv, .xlsx or .json; else standard output.")]


@app.command("presence")
def presence(
    since: Since, until: Until, file: File = None, person: Person = None, zone: Zone = None, form: Form = None
) -> None:
    """Report who was in which zone from when to when; only with attendance."""
    _report("presence", file, form, {"from": since, "to": until, "person": person, "zone": zone})


@app.command("first-last")
def first_last(
    since: Since, until: Until, file: File = None, person: Person = None, zone: Zone = None, form: Form = None
) -> None:
    """Report the first entry and the last exit of each person's days; only with attendance."""
    _report("first-last", file, form, {"from": since, "to": until, "person": person, "zone": zone})


@app.command("hours")
def hours(
    since: Since, until: Until, file: File = None, person: Person = None, zone: Zone = None, form: Form = None
) -> None:
    """Report the hours of each person's days, and their sums; only with attendance."""
    _report("hours", file, form, {"from": since, "to": until, "person": person, "zone": zone})


@app.command("denials")
def denials(
    since: Since, until: Until, file: File = None, person: Person = None, zone: Zone = None, form: Form = None
) -> None:
    """Report how often access was denied, by reason, portal and person."""
    _report("denials", file, form, {"from": since, "to": until, "person": person, "zone": zone})


@app.command("visitors")
def visitors(
    since: Since,
    until: Until,
    file: File = None,
    person: Annotated[str | None, typer.Option(metavar="BADGE", help="Of this visitor, or to this host.")] = None,
    form: Form = None,
) -> None:
    """Report visits: who came to whom, from when to when."""
    _report("visitors", file, form, {"from": since, "to": until, "person": person})


@app.command("musters")
def musters(since: Since, until: Until, file: File = None, zone: Zone = None, form: Form = None) -> None:
    """Report musters and drills: how many were on the list, how many were found."""
    _report("musters", file, form, {"from": since, "to": until, "zone": zone})


def _report(kind: str, file: Path | None, form: Format | None, query: Mapping[str, str | None]) -> None:
    form = _form_of(file, form)
    if form is Format.XLSX and file is None and sys.stdout.isatty():
        raise typer.BadParameter("a workbook can't be shown; give a FILE.xlsx")
    document = api().call("GET", f"/reports/{kind}", params=query, timeout=_SECONDS)
    _warn_of(document)
    if form is Format.TABLE:
        _show(document)
        return
    data = _file_of(document, form)
    if file is None:
        typer.echo(data, nl=False)
        return
    save(file, data)
    rows = len(document["rows"])
    say(f"wrote {counted(rows, 'row')} to {file}", {"rows": rows, "file": str(file)})


def _form_of(file: Path | None, form: Format | None) -> Format:
    """Return the format: as stated, or by the file's name, or JSON with --json, else a table."""
    if file is None:
        return Format.JSON if session().json else form or Format.TABLE
    suffix = file.suffix.lower().removeprefix(".")
    if form is None and suffix in (Format.CSV, Format.XLSX, Format.JSON):
        return Format(suffix)
    if form in (None, Format.TABLE):
        raise typer.BadParameter("name the file .csv, .xlsx or .json, or give --format csv, xlsx or json")
    return form or Format.TABLE


def _file_of(document: dict[str, Any], form: Format) -> bytes:
    if form is Format.JSON:
        return f"{json_line(document)}\n".encode()
    return workbook(document) if form is Format.XLSX else "".join(csv_lines(document)).encode()


def _warn_of(document: Mapping[str, Any]) -> None:
    if document["removed_before"] is not None:
        at = local(document["removed_before"], ZoneInfo(document["timezone"]))
        warn(f"events from before {at:%Y-%m-%d %H:%M} ({document['timezone']}) were removed by retention")
    if document.get("zones") == []:
        how = "devicemgr portal edit PORTAL --outside outside --inside ZONE"
        warn(f"no portal leads to a zone, so no one is known to be inside: {how}")


def _show(document: Mapping[str, Any]) -> None:
    """Print a table; times by the clock of the site's zone."""
    zone, columns = ZoneInfo(document["timezone"]), columns_of(document)
    since, until = (local(document[end], zone) for end in ("from", "to"))
    title = f"{document['report']}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}, times in {zone.key}"
    headers = [_HEADERS.get(name, name) for name in columns]
    rows = [[_cell(name, row, zone) for name in columns] for row in rows_of(document)]
    print(title)
    table("", headers, rows, "  ".join(headers))


def _cell(name: str, row: Mapping[str, Any], zone: ZoneInfo) -> Any:
    value = row.get(name)
    if name == "badge" and value is None and "reason" not in row:
        return "(erased)"
    if value is None:
        return None
    if name == "hours":
        return f"{value:.2f}"
    if name in TIMES:
        return _time(local(value, zone), row.get("day"))
    if name == "day" and row.get("days_without_hours"):
        return f"{value} ({counted(row['days_without_hours'], 'day')} without hours)"
    return value


def _time(at: datetime, day: str | None) -> str:
    """Return a time for people; beside its day, only the clock, and how many dates later."""
    if day is None:
        return f"{at:%Y-%m-%d %H:%M:%S}"
    later = (at.date() - date.fromisoformat(day)) // timedelta(days=1)
    return f"{at:%H:%M:%S}" + (f" +{later}" if later else "")

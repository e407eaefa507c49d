"""`devicemgr events`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from devicemgr.cli.context import api, session
from devicemgr.cli.output import emit, warn, words
from devicemgr.cli.transport.api_client import ApiProblem
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.errors import DaemonUnreachable
from devicemgr.people.tables.formats.delimited import csv_line
from devicemgr.text import safe

app = typer.Typer()

POLL_SECONDS = 0.25
_PAGE = 500
_SHOWN = 100
_SHOWN_FIRST = 10
_ALL = 100_000
# Date, time and two blanks.
_INDENT = 21


class _Widths(NamedTuple):
    """How wide the columns of kind and place are, by the events that are shown first."""

    kind: int = 20
    place: int = 20

    @property
    def columns(self) -> int:
        """Return where the words behind the kind may be parted."""
        return _INDENT + self.kind + 3


_STYLES = {
    "access_granted": "green",
    "access_denied": "red",
    "portal_unlock_failed": "bold red",
    "portal_unlock_unconfirmed": "bold red",
    "portal_forced": "bold red",
    "portal_held_open": "bold red",
    "tamper": "bold red",
    "fire_release": "bold red",
    "storage_failed": "bold red",
    "device_offline": "yellow",
    "device_degraded": "yellow",
    "clock_jumped": "yellow",
    "passage_timed_out": "yellow",
}


@app.command("events")
def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow new events, until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(help="From this time on: 2026-12-01, or RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    person: Annotated[str | None, typer.Option(help="Of the person with this badge.")] = None,
    portal: Annotated[str | None, typer.Option(help="At this portal.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Of this kind, such as access_denied, or group, such as 'admin.*'; may be given several times."
        ),
    ] = None,
    reason: Annotated[Reason | None, typer.Option(help="With this reason of a refusal.")] = None,
    q: Annotated[
        str | None, typer.Option("--q", metavar="TEXT", help="Of people, portals and devices with this in their name.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As a table for a spreadsheet, without details.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, max=_ALL, help="At most so many, the newest; 100, or 10 with --follow.")
    ] = None,
) -> None:
    """Show what happened, oldest first."""
    wanted = {"since": since, "until": until, "person": person, "portal": portal, "kind": kind, "reason": reason}
    if follow and (q or as_csv):
        raise typer.BadParameter("--follow goes with neither --q nor --csv")
    first = api().get("/events", **wanted, q=q, limit=limit or _default(follow, since))
    if as_csv and not session().json:
        _write_csv(first)
        return
    console = words()
    widths = _widths_of(first)
    if console.is_terminal and first and not session().json:
        console.print(_header(widths), style="bold")
    if not first and not follow and not session().json:
        console.print("no events match")
    if not first:
        _warn_of_unknown(kind or ())
    for event in first:
        _show(console, event, widths)
    if follow:
        _follow(console, wanted, first[-1]["seq"] if first else 0, widths)


def _warn_of_unknown(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if not kind.startswith("admin.") and not kind.endswith("*") and kind not in set(Kind):
            like = get_close_matches(kind, list(Kind), n=1)
            warn(f"there is no kind '{safe(kind, 64)}'" + (f"; did you mean {like[0]}?" if like else ""))


def _widths_of(events: Sequence[Mapping[str, Any]]) -> _Widths:
    if not events:
        return _Widths()
    kind = max(len(safe(str(event["kind"]), 64)) for event in events)
    place = max(len(safe(_place(event), 64)) for event in events)
    return _Widths(max(kind, len("kind")), max(place, len("where")) if place else 0)


def _header(widths: _Widths) -> str:
    place = f"{'where':<{widths.place}}  " if widths.place else ""
    return f"{'time':<{_INDENT}}{'kind':<{widths.kind}}  {place}who, why"


_CSV = ("seq", "time", "kind", "portal", "direction", "device", "person", "person_name", "reason", "actor")


def _write_csv(events: Sequence[dict[str, Any]]) -> None:
    print(csv_line(_CSV))
    for event in events:
        print(csv_line(safe(str(event.get(column) or ""), 300) for column in _CSV))


def _default(follow: bool, since: str | None) -> int:
    if not follow:
        return _SHOWN
    return _ALL if since else _SHOWN_FIRST


def _follow(console: Console, wanted: dict[str, Any], after: int, widths: _Widths) -> None:
    try:
        for event in _new(wanted, after):
            _show(console, event, widths)
    except KeyboardInterrupt:
        return


def _new(wanted: dict[str, Any], after: int) -> Iterator[dict[str, Any]]:
    """Events behind seq `after`, for ever; a daemon that stops or restarts is looked for again."""
    while True:
        page: list[dict[str, Any]] = []
        try:
            page = api().get("/events", **wanted, after=after, limit=_PAGE)
        except DaemonUnreachable:
            session().reconnect()
        except ApiProblem as problem:
            if int(problem.document.get("status", 500)) < 500:
                raise
        yield from page
        after = page[-1]["seq"] if page else after
        if len(page) < _PAGE:
            time.sleep(POLL_SECONDS)


def _show(console: Console, event: dict[str, Any], widths: _Widths) -> None:
    if emit(event):
        return
    line = _line(event, widths)
    if console.is_terminal and line.cell_len > console.width:
        line = _folded(line, console.width, widths.columns)
    console.print(line, soft_wrap=True)


def _folded(line: Text, width: int, columns: int = _Widths().columns) -> Text:
    """For people's eyes: what does not fit goes on under the kind; a pipe or a file keeps one line an event."""
    rows: list[Text] = [line]
    while rows[-1].cell_len > width:
        # Rather between the columns than in the midst of the words that say why.
        gap = rows[-1].plain.rfind("  ", columns, width + 1) if len(rows) == 1 else -1
        place = gap if gap > 0 else rows[-1].plain.rfind(" ", _INDENT + 1, width + 1)
        if place < 0:
            break
        rows[-1:] = [rows[-1][:place], Text(" " * _INDENT).append_text(_begun(rows[-1][place:]))]
    return Text("\n").join(row if row is rows[-1] else _ended(row) for row in rows)


def _begun(row: Text) -> Text:
    return row[len(row.plain) - len(row.plain.lstrip()) :]


def _ended(row: Text) -> Text:
    row.rstrip()
    return row


def _place(event: Mapping[str, Any]) -> str:
    side = f"/{event['direction']}" if event["direction"] else ""
    return f"{event['portal']}{side}" if event["portal"] else event["device"] or ""


def _line(event: dict[str, Any], widths: _Widths = _Widths()) -> Text:
    """Local time, kind, where, who, and why or with what outcome, and by whom it was done."""
    kind = safe(str(event["kind"]), 64)
    when = datetime.fromisoformat(event["time"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    who = " ".join(filter(None, (event.get("person_name"), f"(badge {event['person']})" if event["person"] else "")))
    by = f"by {event['actor']}" if event.get("actor") else ""
    parts = (who, event["reason"] or "", _more(event["detail"]), by)
    rest = "  ".join(safe(str(part), 300) for part in parts if part.strip())
    place = f"{safe(_place(event), 300):<{widths.place}}  " if widths.place else ""
    line = Text.assemble(f"{when}  ", (f"{kind:<{widths.kind}}", _STYLES.get(kind, "")), "  ", f"{place}{rest}")
    line.rstrip()
    return line


_NAMED = (
    *("alarm", "device", "portal", "level", "schedule", "calendar", "zone", "interlock", "source", "department"),
    *("profile", "driver"),
)


def _more(detail: dict[str, Any]) -> str:
    shown = (*_NAMED, "mode", "outcome", "cause", "operator")
    found = {name: detail[name] for name in shown if name in detail}
    # Of a level, portal or schedule that was added the whole is recorded; its name is enough for a line.
    names = {name: value["name"] if isinstance(value, dict) else value for name, value in found.items()}
    if names.get("outcome") == "sent":
        names["outcome"] = "sent, not confirmed"
    changed = {name: len(detail[name]) for name in ("gained", "lost") if detail.get(name)}  # days of a calendar
    return ", ".join(f"{name} {value}" for name, value in (names | changed).items())

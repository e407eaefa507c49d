"""What a change opens and closes, shown before it is made (`--plan`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from devicemgr.cli.context import api, finish
from devicemgr.cli.output import emit, say, table

EXIT_DIFFERS = 4


def show_plan(calendars: Sequence[Mapping[str, Any]] = (), schedules: Sequence[Mapping[str, Any]] = ()) -> None:
    """Print which hours the change would open and close in the next 90 days; exit 4 if there are any."""
    found = api().post("/schedules/plan", {"calendars": list(calendars), "schedules": list(schedules)})
    if not emit(found):
        show_hours(found["changes"])
        if not found["changes"]:
            say(f"opens and closes nothing in the next {found['days']} days; nothing was changed")
    if found["changes"]:
        finish(EXIT_DIFFERS)


def show_hours(changes: Sequence[Mapping[str, Any]], *, is_done: bool = False) -> None:
    """Print a table of changed days, if there are any; of a change that was made if `is_done`."""
    if changes:
        rows = [(one["schedule"], one["date"], one["opens"], one["closes"]) for one in changes]
        columns = ("opens", "closes") if is_done else ("would open", "would close")
        table("", ("schedule", "date", *columns), rows, "")

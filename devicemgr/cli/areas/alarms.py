"""`devicemgr alarm …`."""

from typing import Annotated

import typer

from devicemgr.cli.context import api
from devicemgr.cli.output import emit, say, table
from devicemgr.cli.transport.api_client import path

app = typer.Typer()


@app.command("list")
def list_() -> None:
    """List alarms: those that are active, and those that no one has acknowledged; the most urgent first."""
    alarms = api().get("/alarms")
    if not emit(alarms):
        rows = [
            (
                one["id"],
                one["priority"],
                one["state"],
                one["acknowledged"]["by"] if one["acknowledged"] else "escalated" if one["escalated"] else None,
                one["count"],
                one["since"][:19].replace("T", " "),
                one["cause"],
            )
            for one in alarms
        ]
        columns = ("alarm", "priority", "state", "acknowledged", "times", "since (UTC)", "cause")
        table("", columns, rows, "no alarms")


@app.command("ack")
def acknowledge(
    alarm: Annotated[str, typer.Argument(metavar="ID", help="As `alarm list` shows it, such as portal_forced:main.")],
    comment: Annotated[str, typer.Option(help="What was found; some kinds require it.")] = "",
) -> None:
    """Take note of an alarm; no door changes by that."""
    found = api().post(path("alarms", alarm, "acknowledge"), {"comment": comment})
    rest = "it stays listed while it is active" if found["state"] == "active" else "it is over, and leaves the list"
    say(f"acknowledged {found['id']}: {rest}", found)


@app.command("history")
def history(
    alarm: Annotated[str | None, typer.Argument(metavar="ID", help="Of one alarm, such as portal_forced:main.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many events at most.")] = 100,
) -> None:
    """List what began, ended, was acknowledged or escalated, oldest first."""
    events = api().get("/alarms/history", limit=limit, alarm=alarm)
    if not emit(events):
        rows = [
            (
                event["seq"],
                event["time"][:19].replace("T", " "),
                event["kind"],
                event["portal"] or event["device"] or event["detail"].get("subject"),
                event["detail"].get("alarm"),
                event["actor"],
                event["detail"].get("comment") or event["detail"].get("cause"),
            )
            for event in events
        ]
        columns = ("seq", "time (UTC)", "event", "where", "alarm", "by", "comment or cause")
        table("", columns, rows, "no alarms yet")

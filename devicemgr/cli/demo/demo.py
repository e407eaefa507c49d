"""`devicemgr demo`: the main job on a simulated entrance, printed as it happens."""

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.context import finish, session
from devicemgr.cli.demo.desk_demo import show_desk
from devicemgr.cli.demo.simulated_entrance import BADGE, SECOND, Entrance, Plan, nasa_portrait, quantile
from devicemgr.cli.demo.subprocesses import ending_cleanly
from devicemgr.cli.output import emit, local, notes, table, words
from devicemgr.errors import InvalidInput
from devicemgr.text import counted

app = typer.Typer()

_TELLING = {
    "access_granted": "[green]granted[/green]   {person} is recognized (score {score}, needs {threshold})",
    "access_denied": "[red]denied[/red]    {reason}",
    "portal_unlocked": "[green]unlocked[/green]  the turnstile was released {total} ms after the frame arrived",
    "portal_unlock_failed": "[red]not unlocked[/red]  {cause}",
    "passage_started": "passage   someone is in the turnstile",
    "passage_completed": "passage   the arm has turned: one person went through",
    "passage_timed_out": "passage   no one went through",
}


@app.command("demo")
def demo(
    seconds: Annotated[float, typer.Option(min=10, help="How long the camera is watched.")] = 36.0,
    photo: Annotated[Path | None, typer.Option(help="A photo of your own face instead of the NASA portrait.")] = None,
    desk: Annotated[
        bool, typer.Option("--desk", help="Show the desk of a simulated site instead, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port of the desk on 127.0.0.1; else a free one.")
    ] = None,
) -> None:
    """Show the main job on a simulated entrance with a real face; exit 0 only if all of it happened."""
    if desk:
        show_desk(_say, port)
        return
    if port is not None:
        raise InvalidInput("--port goes with --desk")
    if photo is not None and not photo.is_file():
        raise InvalidInput(f"there is no photo {photo}")
    plan = Plan(photo or nasa_portrait(), "Your own face" if photo else "Eileen Collins")
    with (
        ending_cleanly(),
        tempfile.TemporaryDirectory(prefix="devicemgr-demo-") as folder,
        Entrance(Path(folder), plan, _say) as entrance,
    ):
        _say(f"watching for {seconds:.0f} s; the face comes and goes")
        _watch(entrance, seconds)
        _tell_second_entry(entrance.show_card_at_second_turnstile())
        result = _result(entrance)
    if not emit(result):
        _tell(result)
    if not result["ok"]:
        finish(1)


def _say(text: str) -> None:
    console = notes() if session().json else words()
    console.print(f"[dim]•[/dim] {text}", soft_wrap=True)


def _watch(entrance: Entrance, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    seq = 0
    while time.monotonic() < deadline:
        for event in entrance.events_after(seq):
            seq = event["seq"]
            _tell_event(event)
        time.sleep(0.1)


def _tell_event(event: dict[str, Any]) -> None:
    telling = _TELLING.get(event["kind"])
    if telling is None:
        return
    face = (event["evidence"] or {}).get("face") or {}
    values = {
        "person": event["person"],
        "reason": event["reason"],
        "score": face.get("score"),
        "threshold": face.get("threshold"),
        "total": (event["latency_ms"] or {}).get("total"),
        "cause": event["detail"].get("cause"),
    }
    _say((local(event["time"]) or "")[11:] + "  " + telling.format(**values))


def _tell_second_entry(decisions: list[dict[str, Any]]) -> None:
    for event in decisions:
        at, person = (local(event["time"]) or "")[11:], event["person"]
        if event["kind"] == "access_granted":
            _say(f"{at}  [red]granted[/red]   {person} was let in twice")
        else:
            _say(f"{at}  [red]denied[/red]    {event['reason']}: {person} {_whereabouts(event['detail'])}")


def _whereabouts(detail: dict[str, Any]) -> str:
    """Return in words where a refused person is recorded."""
    facts = detail.get("facts") or {}
    if "released_at" in facts:
        return f"was let in at {facts['released_at']} a moment ago"
    return f"is in zone {facts.get('is_in')} since {(local(facts.get('since')) or '')[11:]} and has not left"


def _result(entrance: Entrance) -> dict[str, Any]:
    events = entrance.events_after(0)
    granted = [e for e in events if e["kind"] == "access_granted" and e["person"] == BADGE]
    requests = {event["request"] for event in granted}
    unlocked = [e for e in events if e["kind"] == "portal_unlocked" and e["request"] in requests]
    passed = [e for e in events if e["kind"] == "passage_completed" and e["request"] in requests]
    second = [e for e in events if e["portal"] == SECOND and e["kind"] in ("access_granted", "access_denied")]
    releases = [line for line in entrance.turnstile.lines if line.get("event") == "release"]
    audit = entrance.api.get("/audit/verify")
    checks = {
        "person granted": bool(granted),
        "gate's register changed": bool(releases) and len(releases) == len(unlocked),
        "passage recorded": bool(passed),
        "second entry refused by anti-passback": [e["reason"] for e in second] == ["anti_passback"],
        "audit holds": audit["ok"],
    }
    return {
        "ok": all(checks.values()),
        "checks": checks,
        "grants": len(granted),
        "releases": len(releases),
        "passages": len(passed),
        "events": audit["events"],
        "face_to_unlock_ms": _summary(entrance.delays_ms()),
        "latency_ms": {
            step: _summary([event["latency_ms"][step] for event in unlocked])
            for step in ("capture_to_decision", "decision_to_record", "record_to_unlock", "total")
        },
    }


def _summary(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": round(quantile(values, 0.5), 1), "p95": round(quantile(values, 0.95), 1), "n": len(values)}


def _tell(result: dict[str, Any]) -> None:
    words().print()
    names = {
        "capture_to_decision": "frame arrives → decided",
        "decision_to_record": "decided → on disk",
        "record_to_unlock": "on disk → turnstile answers",
        "total": "frame arrives → turnstile answers",
    }
    rows: list[tuple[str, Any, Any]] = []
    for step, name in names.items():
        found = result["latency_ms"][step]
        rows.append((name, found and f"{found['median']:.1f}", found and f"{found['p95']:.1f}"))
    whole = result["face_to_unlock_ms"]
    whole_name = "face in view → release bytes on the wire"
    rows.append((whole_name, whole and f"{whole['median']:.0f}", whole and f"{whole['p95']:.0f}"))
    table("Time, ms", ("step", "median", "p95"), rows, "")
    words().print()
    for check, holds in result["checks"].items():
        words().print(f"{'[green]yes[/green]' if holds else '[red]NO [/red]'}  {check}")
    words().print(
        f"\n{counted(result['grants'], 'grant')}, {counted(result['releases'], 'release')} on the wire, "
        f"{counted(result['passages'], 'passage')}, {counted(result['events'], 'event')} in the ledger"
    )

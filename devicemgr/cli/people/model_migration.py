"""`devicemgr enroll migrate`: to another face model, watched, and back."""

import time
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import details, emit, say, warn
from devicemgr.cli.progress import progress
from devicemgr.errors import InvalidInput
from devicemgr.text import counted

app = typer.Typer()

EXIT_WAITS = 4
_SECONDS = 300.0
_LOOK_SECONDS = 0.5


@app.command("migrate")
def migrate(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model of [model] in the site's file; dlib is the product's.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Only show progress.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Give it up, or after the switch return.")] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Switch although some people must be enrolled again.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="End the way back: delete the other models' samples.")
    ] = False,
) -> None:
    """Recognize by another face model, from kept photos; the old one decides until the switch. Exit 4 if that waits."""
    if sum([model is not None, status, back, forget]) != 1:
        raise InvalidInput("give one of --model NAME, --status, --back and --forget")
    if status:
        _show_migration(api().get("/gallery/migration"))
    elif forget:
        active = api().get("/gallery/migration")["active"]
        confirm(f"delete the face samples of all models but {active}", "There is no way back then.")
        found = api().post("/gallery/migration/forget")
        say(
            f"{counted(found['templates_erased'], 'sample')} of other models deleted; only {found['active']} is left",
            found,
        )
    elif back:
        _follow(api().post("/gallery/migration/back"))
    else:
        _follow(api().post("/gallery/migration", {"model": model, "allow_missing": allow_missing}))


def _follow(found: dict[str, Any]) -> None:
    """Until it is switched or waits for someone; ended before that, a daemon goes on by itself."""
    with progress() as bar:
        people = found.get("people", 0)
        task = bar.add_task("people", total=people, completed=found.get("done", 0))
        while found["state"] in ("working", "ready"):
            if api().remote:
                time.sleep(_LOOK_SECONDS)
            found = api().post("/gallery/migration/work", timeout=_SECONDS)
            # Once it is switched there are no figures any more: everybody is done.
            people = found.get("people", people)
            bar.update(task, total=people, completed=found.get("done", people))
    if found["state"] == "waiting":
        # What it still lacks may be found by a last look: a threshold from the new gallery.
        found = api().post("/gallery/migration/work", timeout=_SECONDS)
    _show_migration(found)


def _show_migration(found: dict[str, Any]) -> None:
    if not emit(found):
        _show(found)
    if found["state"] == "waiting":
        finish(EXIT_WAITS)


def _show(found: dict[str, Any]) -> None:
    rows: dict[str, Any] = {"recognizes by": found["active"], "way back to": found["before"]}
    if found["target"]:
        rows |= {"on its way to": found["target"], "people": f"{found['done']} of {found['people']} done"}
    details(rows)
    if found.get("needs_enrollment"):
        warn(f"must be enrolled again: {', '.join(found['needs_enrollment'])}")
    if found.get("waits_for"):
        warn(f"the switch waits: {found['waits_for']}")

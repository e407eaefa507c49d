"""`devicemgr apply` and `devicemgr export`: a site's set-up as one file."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.atomic_files import new_file
from devicemgr.cli.areas.plan_files import beside, write_beside
from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish, session
from devicemgr.cli.output import cell, emit, say, table, warn
from devicemgr.cli.site.hours_plan import show_hours
from devicemgr.cli.site.replay import is_to_stop, show_replay
from devicemgr.errors import InvalidInput
from devicemgr.site import site_file
from devicemgr.site.site_file import MOST_BYTES

app = typer.Typer()

EXIT_DIFFERS = 4
_SECONDS = 180.0
_SIGNS = {"add": "+", "edit": "~", "remove": "-"}


@app.command("export")
def export(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A new file, with the pictures of plans beside it; printed unless given."),
    ] = None,
) -> None:
    """Print the site's file (TOML): settings, devices, portals, levels, schedules; no people, no passwords.

    With FILE it is written there, and the pictures of plans beside it.
    """
    found = api().get("/site")
    plans = found["site"].get("plans", {})
    if file is not None:
        with new_file(file, 0o644) as out:
            pictures = write_beside(file, plans)
            out.write(found["toml"].encode())
        say(f"wrote {', '.join(map(str, (file, *pictures)))}", found["site"])
        return
    if not emit(found["site"]):
        typer.echo(found["toml"], nl=False)
    if names := [plan["picture"] for plan in plans.values() if plan.get("picture")]:
        warn(f"the pictures of plans ({', '.join(names)}) are written beside the file by: devicemgr export FILE")


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A site's file, as `export` prints it.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show what would change; exit 4 if something would.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what the file does not name.")] = False,
    replay: Annotated[
        str,
        typer.Option(
            metavar="30d",
            help="With --plan: judge requests of so many days (d) or hours (h) by the file; exit 4 if anyone loses.",
        ),
    ] = "",
    people: Annotated[bool, typer.Option("--people", help="With --replay: list whose requests they are.")] = False,
) -> None:
    """Make the site what a file says, atomically; passwords stay as they are.

    Asks before --prune removes something, unless --yes.
    """
    if replay and not plan:
        raise typer.BadParameter("--replay changes nothing; give --plan too")
    if people and not replay:
        raise typer.BadParameter("--people goes with --replay, such as --replay 30d")
    text = _read(file)
    body: dict[str, Any] = {"toml": text, "plan": plan, "prune": prune}
    if pictures := beside(file, site_file.parse(text).get("plans", {})):
        body["pictures"] = {name: b64encode(content).decode() for name, content in pictures.items()}
    if replay:
        body |= {"replay": replay, "people": people or session().json}
    if prune and not plan:
        _confirm_removals(body)
    found = api().post("/site/apply", body, timeout=_SECONDS)
    if not emit(found):
        _show(found)
        if replay:
            show_replay(found["replay"], people=people)
    if is_to_stop(found) if replay else plan and (found["changes"] or found["without_picture"]):
        finish(EXIT_DIFFERS)


def _confirm_removals(body: dict[str, Any]) -> None:
    planned = api().post("/site/apply", body | {"plan": True}, timeout=_SECONDS)
    removed = [f"{c['kind']} {c['name']}" for c in planned["changes"] if c["change"] == "remove"]
    if removed:
        confirm(f"remove what the file does not name: {', '.join(removed)}")


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1).decode()
    except OSError as error:
        raise InvalidInput(f"{file} can't be read ({error.strerror}); give a site's file") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not text in UTF-8; give a site's file") from error


def _show(found: dict[str, Any]) -> None:
    if found["changes"]:
        rows = [(_SIGNS[c["change"]], f"{c['kind']} {c['name']}".strip(), _fields(c)) for c in found["changes"]]
        table("", ("", "what", "from → to"), rows, "")
    else:
        say("the site is as the file says")
    show_hours(found.get("hours", ()))
    if found["not_in_file"]:
        names = ", ".join(f"{entry['kind']} {entry['name']}" for entry in found["not_in_file"])
        say(f"not in the file and left as they are (--prune removes them): {names}")
    if found["two_admins"] and not found["applied"]:
        settings = ", ".join(found["two_admins"])
        warn(f"two admins must agree on {settings}: apply it, then another runs `devicemgr operator approve ID`")
    for missing in found["without_picture"]:
        warn(
            f"the picture of plan {missing['name']} is missing: put {missing['picture']} beside the site's file and "
            "apply it again"
        )
    if names := ", ".join(found["without_password"]):
        warn(f"no password is stored for {names}: devicemgr device edit NAME --password-stdin")


def _fields(change: dict[str, Any]) -> str:
    if change["change"] == "remove":
        return ""
    added = change["change"] == "add"
    return "; ".join(
        f"{name}: {_plain(after)}" if added else f"{name}: {_plain(before)} → {_plain(after)}"
        for name, (before, after) in change["fields"].items()
        if not (added and after in (None, [], {}))
    )


def _plain(value: Any) -> str:
    return cell(value).replace("\\[", "[")

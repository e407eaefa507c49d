"""`devicemgr department …`."""

from difflib import get_close_matches
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, say, table, warn
from devicemgr.cli.transport.api_client import path
from devicemgr.text import counted

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The department, as people have it.")]


@app.command("list")
def list_() -> None:
    """List the departments, and the levels that their people hold by them."""
    found = api().get("/departments")
    if not emit(found):
        empty = "no departments yet; give people one with: devicemgr person edit BADGE --department NAME"
        table("", ("department", "people", "levels"), [(d["name"], d["people"], d["levels"]) for d in found], empty)


@app.command("show")
def show(name: Name) -> None:
    """Show one department: its levels, and who is in it."""
    found = api().get(path("departments", name))
    if not emit(found):
        details({"department": found["name"], "levels": found["levels"], "people": found["badges"]})


@app.command("edit")
def edit(
    name: Name,
    level: Annotated[
        list[str] | None, typer.Option(help="A level of its people, in place of all before; several are fine.")
    ] = None,
    no_levels: Annotated[bool, typer.Option("--no-levels", help="Its people hold no level by it.")] = False,
) -> None:
    """Set the levels of a department: its people hold them at once, with joining and until leaving."""
    if bool(level) == no_levels:
        raise typer.BadParameter("give --level, once or several times, or --no-levels")
    known = {found["name"]: found for found in api().get("/departments")}
    found = api().call("PUT", path("departments", name), json={"levels": level or []})
    _warn_if_unknown(found, known)
    before = known.get(found["name"], {"levels": []})["levels"]
    steps = [f"+{one}" for one in found["levels"] if one not in before]
    steps += [f"−{one}" for one in before if one not in found["levels"]]
    levels = ", ".join(found["levels"]) or "no levels"
    of_people = f"; {counted(found['people'], 'person', 'people')}: {' '.join(steps) or 'unchanged'}"
    say(f"department {found['name']}: {levels}{of_people}", found)


def _warn_if_unknown(found: dict[str, Any], known: dict[str, Any]) -> None:
    if found["people"]:
        return
    names = {other.casefold(): other for other in known if other != found["name"]}
    close = [names[name] for name in get_close_matches(found["name"].casefold(), names, n=1, cutoff=0.8)]
    other = f"; is it '{close[0]}'?" if close else ""
    warn(f"no person is in department '{found['name']}' yet{other}")


@app.command("rename")
def rename(name: Name, new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")]) -> None:
    """Give a department another name, for all of its people; they keep its levels."""
    found = api().call("PATCH", path("departments", name), json={"new_name": new})
    levels = ", ".join(found["levels"]) or "no levels"
    say(f"department {name} is {found['name']} now: {counted(found['people'], 'person', 'people')}, {levels}", found)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a department that no person is in, with its levels. Asks first, unless --yes."""
    found = api().get(path("departments", name))
    levels = ", ".join(found["levels"]) or "no levels"
    if not found["people"]:
        confirm(f"remove department {found['name']} ({levels})")
    say(f"removed department {found['name']}", api().call("DELETE", path("departments", name)))

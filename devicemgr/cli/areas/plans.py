"""`devicemgr plan …`."""

import io
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from devicemgr.cli.areas.plan_files import download, read_picture
from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import emit, say, table
from devicemgr.cli.transport.api_client import path
from devicemgr.text import counted

app = typer.Typer()

_SECONDS = 120.0
Name = Annotated[str, typer.Argument(help="The plan's name.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as ground.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="PNG, JPEG or WebP up to 8 MB, or SVG up to 1 MB.")],
) -> None:
    """Add a plan with a picture, or give one another; what stands on it stays."""
    content = read_picture(file)
    headers = {"Content-Length": str(len(content)), "Content-Type": "application/octet-stream"}
    found = api().call("PUT", path("plans", name), content=io.BytesIO(content), headers=headers, timeout=_SECONDS)
    size = f"{found['picture']['width']} × {found['picture']['height']}"
    say(
        f"plan {name} has a picture of {size}; place things on it with: devicemgr plan place {name} portal PORTAL",
        found,
    )


@app.command("list")
def list_() -> None:
    """List the plans."""
    plans = api().get("/plans")
    if not emit(plans):
        rows = [(one["name"], _picture(one), one["placed"]) for one in plans]
        table("", ("plan", "picture", "placed"), rows, "no plans yet: devicemgr plan add NAME FILE")


@app.command("show")
def show(name: Name) -> None:
    """Show what stands on a plan, and where, in per cent of its width and height."""
    found = api().get(path("plans", name))
    if not emit(found):
        say(f"plan {name}: {_picture(found)}")
        rows = [(one["kind"], one["name"], one["x"], one["y"], one["rotation"]) for one in found["placements"]]
        nothing = f"nothing stands on it yet: devicemgr plan place {name} portal PORTAL --x 50 --y 50"
        table("", ("kind", "name", "x", "y", "rotation"), rows, nothing)


@app.command("place")
def place(
    name: Name,
    kind: Annotated[Literal["portal", "device", "zone"], typer.Argument(help="portal, device or zone.")],
    thing: Annotated[str, typer.Argument(metavar="NAME", help="The portal's, device's or zone's name.")],
    x: Annotated[float | None, typer.Option(min=0, max=100, help="Per cent of the width, from the left; 50.")] = None,
    y: Annotated[float | None, typer.Option(min=0, max=100, help="Per cent of the height, from the top; 50.")] = None,
    rotation: Annotated[float | None, typer.Option(min=0, max=359.9, help="Degrees, clockwise.")] = None,
    area: Annotated[
        str | None,
        typer.Option(metavar="X,Y…", help="The corners of a zone, such as '10,10 40,10 40,40'; '' for none."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take it from the plan.")] = False,
) -> None:
    """Place a portal, device or zone on a plan, move or turn it, or take it away with --remove."""
    found = api().get(path("plans", name))
    others = [one for one in found["placements"] if (one["kind"], one["name"]) != (kind, thing)]
    here: dict[str, Any] = {"kind": kind, "name": thing, "x": 50.0, "y": 50.0, "rotation": 0.0}
    for one in found["placements"]:
        if (one["kind"], one["name"]) == (kind, thing):
            here = one
    if remove:
        if here not in found["placements"]:
            raise typer.BadParameter(f"{kind} {thing} is not on plan {name}; see: devicemgr plan show {name}")
        placements = others
    else:
        given = {"x": x, "y": y, "rotation": rotation, "points": None if area is None else _corners(area)}
        placements = [*others, here | {part: value for part, value in given.items() if value is not None}]
    body = {"revision": found["revision"], "placements": placements}
    changed = api().call("PUT", path("plans", name, "placements"), json=body)
    done = "is no longer on" if remove else "stands on"
    say(f"{kind} {thing} {done} plan {name} ({counted(len(placements), 'thing')})", changed)


@app.command("export")
def export(
    name: Name, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the picture.")]
) -> None:
    """Write the picture of a plan into a new file."""
    found = api().get(path("plans", name))
    download(name, file)
    say(f"wrote {_picture(found)} into {file}", found)


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a plan, and erase its picture. Asks first, unless --yes."""
    api().get(path("plans", name))
    confirm(f"remove plan {name}")
    say(f"removed plan {name}", api().call("DELETE", path("plans", name)))


def _corners(text: str) -> list[list[float]]:
    try:
        corners = [[float(part) for part in corner.split(",")] for corner in text.split()]
    except ValueError:
        corners = [[]]
    if not all(len(corner) == 2 for corner in corners):
        raise typer.BadParameter("corners are pairs of per cent, such as '10,10 40,10 40,40'", param_hint="--area")
    return corners


def _picture(found: dict[str, Any]) -> str:
    picture = found["picture"]
    if picture is None:
        return "no picture"
    kind = picture["type"].removeprefix("image/").removesuffix("+xml").upper()
    return f"{kind} {picture['width']} × {picture['height']}"

"""`devicemgr device …`."""

import json
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.devices.sync import show_holdings
from devicemgr.cli.output import details, emit, local, say, table, words
from devicemgr.cli.password_input import FromStdin, FromVariable, read_password
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import InvalidInput
from devicemgr.text import counted, safe

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The device's name.")]
Username = Annotated[str | None, typer.Option(help="User name for the device.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="K=V", help="An option of the driver; several are fine.")
]

Profile = Annotated[
    str | None,
    typer.Option(metavar="P", help="How it shall be set up: a profile of the site's file; '' takes it away."),
]


def _options(given: list[str] | None) -> dict[str, Any]:
    """Values stay text, which the driver's model reads as what it wants; lists and objects are JSON; empty is null."""
    options: dict[str, Any] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"--option {safe(text, 60)}: write NAME=VALUE")
        options[name.strip()] = _value(name, value)
    return options


def _value(name: str, text: str) -> Any:
    if text.lstrip()[:1] not in ("[", "{"):
        return text or None
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f"option {safe(name, 60)} begins like JSON and is not ({error}); check its brackets"
        ) from error


@app.command("drivers")
def drivers(kind: Annotated[str | None, typer.Argument(help="Show the options of this kind.")] = None) -> None:
    """List the kinds of devices, or the options of one kind."""
    found = api().get("/drivers")
    if kind is not None:
        _show_driver(found, kind)
    elif not emit(found):
        rows = [(d["kind"], d["title"], d["capabilities"]) for d in found]
        table("", ("kind", "what it is", "serves as"), rows, "no drivers are installed; reinstall devicemgr")
        words().print("\nThe options of a kind: devicemgr device drivers KIND")


def _show_driver(drivers: list[dict[str, Any]], kind: str) -> None:
    found = next((driver for driver in drivers if driver["kind"] == kind), None)
    if found is None:
        raise InvalidInput(f"no driver kind '{safe(kind, 60)}'; `devicemgr device drivers` lists them")
    if emit(found):
        return
    rows: list[tuple[Any, ...]] = [
        (o["name"], "required" if o["required"] else o["default"], o.get("choices"), o["description"])
        for o in found["options"]
    ]
    words().print(f"{found['kind']}: {found['title']}", soft_wrap=True, markup=False)
    table("", ("option", "default", "one of", "meaning"), rows, "this kind has no options")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as cam-in.")],
    driver: Annotated[str, typer.Option(metavar="KIND", help="The kind; `devicemgr device drivers` lists them.")],
    address: Annotated[str, typer.Option(help="Where it is: rtsp://…, http://…, file:PATH, /dev/…, tcp://HOST:PORT.")],
    username: Username = None,
    password_stdin: FromStdin = False,
    password_env: FromVariable = None,
    option: Options = None,
    profile: Profile = None,
) -> None:
    """Add a device."""
    options = {key: value for key, value in _options(option).items() if value is not None}
    body = {"name": name, "driver": driver, "address": address, "username": username, "options": options}
    body["profile"] = profile or None
    found = api().post("/devices", body | {"password": read_password(password_stdin, password_env)})
    say(f"added {found['name']}; try it with: devicemgr device test {found['name']}", found)


@app.command("list")
def list_() -> None:
    """List the devices and their state."""
    devices = api().get("/devices")
    if not emit(devices):
        rows = [(d["name"], d["driver"], d["address"], d["state"], d["cause"]) for d in devices]
        table("", ("device", "kind", "address", "state", "cause"), rows, "no devices yet: devicemgr device add --help")


@app.command("show")
def show(name: Name) -> None:
    """Show one device; its password is never shown."""
    found = api().get(path("devices", name))
    if not emit(found):
        shown = {key: found[key] for key in ("name", "driver", "address", "username")}
        shown |= {"password": "stored" if found["has_password"] else None, "options": found["options"]}
        shown |= {"profile": found["profile"], "set up": _set_up(found["provisioned"])}
        shown |= {"state": found["state"], "cause": found["cause"], "since": local(found["since"])}
        details(shown | _alone(found))
        show_holdings(found["holds"])


def _alone(found: dict[str, Any]) -> dict[str, Any]:
    """Say what it does while it decides alone; nothing of a device that never does."""
    if not found["decides_alone"]:
        return {}
    return {
        "decides alone": "yes",
        "keeps": ", ".join(found["keeps"]) or "none of the rules in use",
        "can't keep": ", ".join(found["cannot_keep"]) or "nothing of the rules in use",
    }


def _set_up(found: dict[str, Any] | None) -> str | None:
    """How far it was set up by a profile."""
    if found is None:
        return None
    words = {"done": "whole", "failed": "not whole"}.get(found["phase"], f"broke off at {found['step']}, or goes on")
    return f"{words}, by {found['profile']}, {local(found['at'])}"


@app.command("edit")
def edit(
    name: Name,
    address: Annotated[str | None, typer.Option(help="New address.")] = None,
    username: Username = None,
    password_stdin: FromStdin = False,
    password_env: FromVariable = None,
    option: Options = None,
    profile: Profile = None,
) -> None:
    """Change address, credentials, options or profile; `--option K=` removes one."""
    password = read_password(password_stdin, password_env)
    given = {"address": address, "username": username, "password": password, "profile": profile}
    body: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if option:
        body["options"] = _options(option)
    if not body:
        raise typer.BadParameter("nothing to change; give --address, --username, a password, --profile or --option")
    say(f"changed {name}", api().call("PATCH", path("devices", name), json=body))


@app.command("remove")
def remove(
    name: Name,
    forget: Annotated[bool, typer.Option("--forget", help="Remove it although people remain stored on it.")] = False,
) -> None:
    """Remove a device that no portal uses and that stores no people any more. Asks first, unless --yes."""
    device = api().get(path("devices", name))
    confirm(f"remove device {name} ({device['driver']} at {device['address']})", "Its password is forgotten, too.")
    found = api().call("DELETE", path("devices", name), params={"forget": forget})
    left = found["left_people"]
    say(
        f"removed device {name}" + (f"; it still stores {counted(left, 'person', 'people')}: reset it" if left else ""),
        found,
    )


@app.command("test")
def test(name: Name) -> None:
    """Connect to a device and read what can be read; nothing moves."""
    found = api().post(path("devices", name, "test"))
    if not emit(found):
        details({"device": found["name"], "driver": found["driver"], "answers": found["ok"]} | found["found"])

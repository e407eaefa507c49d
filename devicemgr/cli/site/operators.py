"""`devicemgr operator …`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api
from devicemgr.cli.output import emit, local, say, table
from devicemgr.cli.password_input import FromStdin, FromVariable, read_new_password, read_password
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.model import Role
from devicemgr.errors import InvalidInput

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The operator's name.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A short name, such as aigul.")],
    role: Annotated[list[Role], typer.Option(help="What they do here; may be given several times.")],
    os_user: Annotated[str | None, typer.Option(metavar="USER", help="Their Unix account on this host.")] = None,
    password_stdin: FromStdin = False,
    password_env: FromVariable = None,
) -> None:
    """Add an operator, known by a user of this host, by a password for TCP, or by tokens."""
    body = {"name": name, "roles": role, "os_user": os_user, "password": read_password(password_stdin, password_env)}
    added = api().post("/operators", body)
    how = f"as user {os_user} of this host" if os_user else "by password" if added["password"] else "by token only"
    say(f"added {added['name']} ({', '.join(added['roles'])}), who comes in {how}", added)


@app.command("list")
def list_() -> None:
    """List the operators and their tokens."""
    found = api().get("/operators")
    if emit(found):
        return
    rows = [
        (
            o["name"],
            o["roles"],
            o["os_user"],
            o["password"],
            [f"{t['id']} ({_token_words(t)}, until {local(t['expires'])})" for t in o["tokens"]],
        )
        for o in found
    ]
    empty = "no one yet, only the owner of the host may do anything: devicemgr operator add NAME --role ROLE"
    table("", ("name", "roles", "user of the host", "password", "tokens"), rows, empty)


def _token_words(token: dict[str, Any]) -> str:
    if not token["kiosk"]:
        return ", ".join(token["roles"])
    return f"kiosk at {token['address']}" if token["address"] else "kiosk, not used yet"


@app.command("remove")
def remove(name: Name) -> None:
    """Remove an operator; their sessions and tokens end at once. Asks first, unless --yes."""
    confirm(f"remove operator {name} with their sessions and tokens")
    say(f"removed {name}", api().call("DELETE", path("operators", name)))


@app.command("roles")
def roles(
    name: Name,
    role: Annotated[list[Role], typer.Option(help="What they do here from now on; may be given several times.")],
) -> None:
    """Give an operator these roles in place of the present ones; an admin is added, not made so."""
    changed = api().call("PUT", path("operators", name, "roles"), json={"roles": role})
    say(f"{name} is {', '.join(changed['roles'])} from now on", changed)


@app.command("sessions")
def sessions(
    end: Annotated[str | None, typer.Option(metavar="ID", help="End this session instead.")] = None,
) -> None:
    """List who is signed in over TCP, or end one of these sessions."""
    if end is not None:
        done = api().call("DELETE", path("sessions", end))
        say(f"ended session {end} of {done['operator']}", done)
        return
    found = api().get("/sessions")
    if not emit(found):
        rows = [(s["id"], s["operator"], s["address"], local(s["since"]), local(s["used"])) for s in found]
        table("", ("id", "operator", "from", "since", "last request"), rows, "no one is signed in over TCP")


@app.command("password")
def password(name: Name, password_stdin: FromStdin = False, password_env: FromVariable = None) -> None:
    """Set an operator's password, which TCP asks for; their sessions end."""
    body = {"password": read_new_password(password_stdin, password_env)}
    say(f"{name} has a new password", api().call("PUT", path("operators", name, "password"), json=body))


@app.command("token")
def token(
    name: Name,
    scope: Annotated[
        list[Role] | None, typer.Option(help="A role of theirs that the token has; may be given several times.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Expires after so many days.")] = 365,
    kiosk: Annotated[
        bool, typer.Option("--kiosk", help="For a display on a wall: it signs the desk in, and only shows.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The display's; without it, the one from which it signs in first."),
    ] = None,
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="Take this token back instead.")] = None,
) -> None:
    """Make an API token for a program or a display, and print it this once; or take one back."""
    if revoke is not None:
        answer = api().call("DELETE", path("operators", name, "tokens", revoke))
        say(f"token {revoke} of {name} is worth nothing now", answer)
        return
    if kiosk:
        scope = scope or [Role.GUARD]
    if not scope:
        raise InvalidInput("say what the token may do: --scope ROLE")
    body = {"roles": scope, "days": days} | ({"kiosk": True, "address": address} if kiosk else {})
    if address is not None and not kiosk:
        raise InvalidInput("--address is for the token of a display: add --kiosk")
    made = api().post(path("operators", name, "tokens"), body)
    if not emit(made):
        typer.echo(made["token"])
        typer.echo(f"token {made['id']}, until {local(made['expires'])}; it is shown only now", err=True)
        if kiosk:
            typer.echo(f"open once on the display: https://DAEMON:PORT/?wall#kiosk={made['token']}", err=True)


@app.command("requests")
def requests() -> None:
    """List what waits for a second admin."""
    found = api().get("/approvals")
    if not emit(found):
        rows = [(r["id"], r["action"], r["subject"], r["asked_by"], local(r["asked"]), r["approved_by"]) for r in found]
        table("", ("id", "what", "of", "requested by", "at", "approved by"), rows, "nothing waits for a second admin")


@app.command("approve")
def approve(request: Annotated[str, typer.Argument(help="The request's id.")]) -> None:
    """Agree to what another admin requested; they have a quarter of an hour to do it."""
    done = api().post(path("approvals", request))
    say(f"approved: {done['action']} of {done['subject']}, requested by {done['asked_by']}", done)


@app.command("refuse")
def refuse(request: Annotated[str, typer.Argument(help="The request's id.")]) -> None:
    """Refuse what another admin requested, or take back what you requested."""
    done = api().call("DELETE", path("approvals", request))
    say(f"refused: {done['action']} of {done['subject']}, requested by {done['asked_by']}", done)

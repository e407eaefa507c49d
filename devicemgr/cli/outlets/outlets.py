"""`devicemgr outlet …`: where events leave to."""

from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.password_input import read_password
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import NotAllowed, RequestError
from devicemgr.text import counted

outlet = typer.Typer()

EXIT_FAILED = 1

OutletName = Annotated[str, typer.Argument(help="The outlet's name.")]
Url = Annotated[str | None, typer.Option(metavar="URL", help="Where events go: https://HOST/PATH.")]
Kinds = Annotated[str | None, typer.Option(metavar="A,B", help="Which events: access_denied,admin.* ; '' for all.")]
Portal = Annotated[
    list[str] | None, typer.Option("--portal", metavar="NAME", help="Events of this portal; several; '' for all.")
]
Fields = Annotated[
    str | None, typer.Option(metavar="A,B", help="Given out too: name, evidence, comments; '' for none.")
]
Duress = Annotated[bool | None, typer.Option("--duress/--no-duress", help="Duress signals leave too.")]
Insecure = Annotated[bool | None, typer.Option("--insecure/--secure", help="Speak http to another computer.")]
Batch = Annotated[int | None, typer.Option(metavar="N", help="Up to so many events in one message, 1 to 200.")]
OnPoison = Annotated[
    str | None, typer.Option(metavar="stop|skip", help="After ten refusals of one event: wait, or leave it out.")
]
CaFile = Annotated[
    Path | None, typer.Option("--ca-file", metavar="FILE", help="Certificates to trust instead of the system's.")
]
NewSecret = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the secret from standard input; else a new one is made and shown.")
]


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _given(
    url: str | None,
    kinds: str | None,
    portals: list[str] | None,
    fields: str | None,
    tls_ca: Path | None,
    **plain: Any,
) -> dict[str, Any]:
    """Return the fields that the options give."""
    found = {"url": url, "kinds": _listed(kinds), "fields": _listed(fields), **plain}
    if portals is not None:
        found["portals"] = [name for name in portals if name]
    if tls_ca is not None:
        try:
            found["tls_ca"] = tls_ca.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"{tls_ca} can't be read as certificates; give a PEM file") from error
    return {name: value for name, value in found.items() if value is not None}


@outlet.command("add")
def add_outlet(
    name: Annotated[str, typer.Argument(help="A short name, such as hr.")],
    url: Url = None,
    kind: Annotated[str, typer.Option(metavar="webhook", help="How events leave.")] = "webhook",
    kinds: Kinds = None,
    portal: Portal = None,
    fields: Fields = None,
    duress: Duress = None,
    insecure: Insecure = None,
    batch: Batch = None,
    on_poison: OnPoison = None,
    tls_ca: CaFile = None,
    secret_stdin: NewSecret = False,
) -> None:
    """Add an outlet: events that are recorded from now on leave by it, signed."""
    if url is None:
        raise typer.BadParameter("say where events go with --url https://HOST/PATH")
    secret = read_password(from_stdin=True, variable=None) if secret_stdin else None
    plain = {"duress": duress, "insecure": insecure, "batch": batch, "on_poison": on_poison}
    found = api().post("/outlets", {"name": name, "kind": kind, **_given(url, kinds, portal, fields, tls_ca, **plain)})
    try:
        made = api().call("PUT", path("outlets", name, "secret"), json={"secret": secret})
    except NotAllowed:  # a technician sets up what an admin lets go on
        say(f"added outlet {name}; an admin sets its secret: devicemgr outlet secret {name}", found)
        return
    found = api().get(path("outlets", name)) | ({} if secret_stdin else {"secret": made["secret"]})
    shown = "" if secret_stdin else f"; its secret, shown this once: {made['secret']}"
    say(f"added outlet {name}{shown}; now: devicemgr outlet test {name}", found)


@outlet.command("list")
def list_outlets() -> None:
    """List the outlets, how far each has come and what is wrong."""
    found = api().get("/outlets")
    if not emit(found):
        rows = [(one["name"], one["kind"], one["url"], one["lag_events"], _state(one)) for one in found]
        header = ("outlet", "kind", "to", "behind", "state")
        table("", header, rows, "no outlets yet: devicemgr outlet add NAME --url https://HOST/PATH")


def _state(found: dict[str, Any]) -> str:
    cause = found.get("cause")
    return f"{found['state']}: {cause}" if cause and found["state"] != "paused" else str(found["state"])


@outlet.command("show")
def show_outlet(name: OutletName) -> None:
    """Show what an outlet states, how far it has come and what is wrong."""
    found = api().get(path("outlets", name))
    if not emit(found):
        shown = {key: value for key, value in found.items() if key not in ("tls_ca", "cause")}
        details(shown | {"state": _state(found), "tls_ca": "its own" if found["tls_ca"] else "the system's"})


@outlet.command("edit")
def edit_outlet(
    name: OutletName,
    url: Url = None,
    kinds: Kinds = None,
    portal: Portal = None,
    fields: Fields = None,
    duress: Duress = None,
    insecure: Insecure = None,
    batch: Batch = None,
    on_poison: OnPoison = None,
    tls_ca: CaFile = None,
) -> None:
    """Change what an outlet states; it tries again at once."""
    plain = {"duress": duress, "insecure": insecure, "batch": batch, "on_poison": on_poison}
    body = _given(url, kinds, portal, fields, tls_ca, **plain)
    if not body:
        raise typer.BadParameter("nothing to change; see --help")
    say(f"outlet {name} is changed", api().call("PATCH", path("outlets", name), json=body))


@outlet.command("secret")
def set_secret(
    name: OutletName,
    secret_stdin: NewSecret = False,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="The secret before stays valid too, while receivers change.")
    ] = False,
) -> None:
    """Set the secret that signs what leaves, or make a new one, which is shown once."""
    secret = read_password(from_stdin=True, variable=None) if secret_stdin else None
    found = api().call("PUT", path("outlets", name, "secret"), json={"secret": secret, "keep_last": keep_last})
    if secret_stdin:
        say(f"outlet {name} has another secret", {"name": name})
    else:
        say(f"the secret of outlet {name}, shown this once: {found['secret']}", found)


@outlet.command("test")
def test_outlet(name: OutletName) -> None:
    """Send a message that is no event; exit 1 when it is not taken."""
    found = api().post(path("outlets", name, "test"), {})
    if found["delivered"]:
        say(f"outlet {name} has delivered a test message", found)
        return
    if not emit(found):
        raise RequestError(f"the test message did not arrive: {found['cause']}")
    finish(EXIT_FAILED)


@outlet.command("pause")
def pause_outlet(name: OutletName) -> None:
    """Let an outlet wait; what is recorded in between leaves when it goes on."""
    say(f"outlet {name} is paused", api().post(path("outlets", name, "pause"), {}))


@outlet.command("resume")
def resume_outlet(name: OutletName) -> None:
    """Let an outlet go on, also one that has stopped."""
    found = api().post(path("outlets", name, "resume"), {})
    say(f"outlet {name} goes on: {counted(found['lag_events'], 'event')} behind", found)


@outlet.command("replay")
def replay_outlet(
    name: OutletName,
    first: Annotated[int, typer.Option("--from", metavar="SEQ", min=1, help="The first event to give out again.")],
) -> None:
    """Give out once more all events from one on."""
    found = api().post(path("outlets", name, "replay"), {"from": first})
    say(f"outlet {name} begins again at event {first}: {counted(found['lag_events'], 'event')}", found)


@outlet.command("remove")
def remove_outlet(name: OutletName) -> None:
    """Remove an outlet and its secret. Asks first, unless --yes."""
    found = api().get(path("outlets", name))
    confirm(f"remove outlet {name}; {counted(found['lag_events'], 'event')} behind it will not leave")
    say(f"removed outlet {name}", api().call("DELETE", path("outlets", name)))

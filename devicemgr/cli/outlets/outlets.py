"""`devicemgr outlet …`: where events leave to."""

from typing import Annotated

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, finish
from devicemgr.cli.outlets import options
from devicemgr.cli.outlets.state_words import outlet_state
from devicemgr.cli.output import details, emit, say, table
from devicemgr.cli.password_input import read_password
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import NotAllowed, RequestError
from devicemgr.site.outlets.channels import CHANNELS
from devicemgr.text import counted

outlet = typer.Typer()

EXIT_FAILED = 1

OutletName = Annotated[str, typer.Argument(help="The outlet's name.")]
NewSecret = Annotated[
    bool,
    typer.Option("--secret-stdin", help="Read the secret or password from standard input; else a new secret is made."),
]


@outlet.command("add")
def add_outlet(
    name: Annotated[str, typer.Argument(help="A short name, such as hr.")],
    url: options.Url = None,
    kind: Annotated[str, typer.Option(metavar="|".join(CHANNELS), help="How events leave.")] = "webhook",
    kinds: options.Kinds = None,
    portal: options.Portal = None,
    fields: options.Fields = None,
    duress: options.Duress = None,
    insecure: options.Insecure = None,
    on_poison: options.OnPoison = None,
    tls_ca: options.CaFile = None,
    batch: options.Batch = None,
    user: options.User = None,
    to: options.To = None,
    sender: options.Sender = None,
    language: options.Language = None,
    reports: options.Reports = None,
    discovery: options.Discovery = None,
    commands: options.Commands = None,
    format: options.Format = None,
    enterprise: options.Enterprise = None,
    secret_stdin: NewSecret = False,
) -> None:
    """Add an outlet: events that are recorded from now on leave by it."""
    if url is None:
        example = CHANNELS[kind].example if kind in CHANNELS else "https://HOST/PATH"
        raise typer.BadParameter(f"say where events go with --url, such as {example}")
    secret = read_password(from_stdin=True, variable=None) if secret_stdin else None
    plain = {
        "url": url,
        "duress": duress,
        "insecure": insecure,
        "on_poison": on_poison,
        "batch": batch,
        "user": user,
        "to": to,
        "sender": sender,
        "language": language,
        "discovery": discovery,
        "commands": commands,
        "format": format,
        "enterprise": enterprise,
    }
    body = options.stated(kinds, portal, fields, tls_ca, reports, **plain)
    found = api().post("/outlets", {"name": name, "kind": kind, **body})
    if secret is None and not CHANNELS[found["kind"]].signs:
        say(f"added outlet {name}; now: devicemgr outlet test {name}", found)
        return
    try:
        made = api().call("PUT", path("outlets", name, "secret"), json={"secret": secret})
    except NotAllowed:  # a technician sets up what an admin lets go on
        say(f"added outlet {name}; an admin sets its secret: devicemgr outlet secret {name}", found)
        return
    found = api().get(path("outlets", name)) | ({"secret": made["secret"]} if made["secret"] else {})
    shown = f"; its secret, shown this once: {made['secret']}" if made["secret"] else ""
    say(f"added outlet {name}{shown}; now: devicemgr outlet test {name}", found)


@outlet.command("list")
def list_outlets() -> None:
    """List the outlets, how far each has come and what is wrong."""
    found = api().get("/outlets")
    if not emit(found):
        rows = [(one["name"], one["kind"], one["url"], one["lag_events"], outlet_state(one)) for one in found]
        header = ("outlet", "kind", "to", "behind", "state")
        table("", header, rows, "no outlets yet: devicemgr outlet add NAME --url https://HOST/PATH")


@outlet.command("show")
def show_outlet(name: OutletName) -> None:
    """Show what an outlet states, how far it has come and what is wrong."""
    found = api().get(path("outlets", name))
    if not emit(found):
        others = frozenset().union(*(one.own for one in CHANNELS.values())) - CHANNELS[found["kind"]].own
        shown = {key: value for key, value in found.items() if key not in others | {"tls_ca", "cause"}}
        details(shown | {"state": outlet_state(found), "tls_ca": "its own" if found["tls_ca"] else "the system's"})


@outlet.command("edit")
def edit_outlet(
    name: OutletName,
    url: options.Url = None,
    kinds: options.Kinds = None,
    portal: options.Portal = None,
    fields: options.Fields = None,
    duress: options.Duress = None,
    insecure: options.Insecure = None,
    on_poison: options.OnPoison = None,
    tls_ca: options.CaFile = None,
    batch: options.Batch = None,
    user: options.User = None,
    to: options.To = None,
    sender: options.Sender = None,
    language: options.Language = None,
    reports: options.Reports = None,
    discovery: options.Discovery = None,
    commands: options.Commands = None,
    format: options.Format = None,
    enterprise: options.Enterprise = None,
) -> None:
    """Change what an outlet states; it tries again at once."""
    plain = {
        "url": url,
        "duress": duress,
        "insecure": insecure,
        "on_poison": on_poison,
        "batch": batch,
        "user": user,
        "to": to,
        "sender": sender,
        "language": language,
        "discovery": discovery,
        "commands": commands,
        "format": format,
        "enterprise": enterprise,
    }
    body = options.stated(kinds, portal, fields, tls_ca, reports, **plain)
    if not body:
        raise typer.BadParameter("nothing to change; see --help")
    before = api().get(path("outlets", name))
    found = api().call("PATCH", path("outlets", name), json=body)
    lost = before["has_secret"] and not found["has_secret"]
    advice = "; it goes to another server: set its password again" if lost else ""
    say(f"outlet {name} is changed{advice}", found)


@outlet.command("secret")
def set_secret(
    name: OutletName,
    secret_stdin: NewSecret = False,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="The secret before stays valid too, while receivers change.")
    ] = False,
    asymmetric: Annotated[
        bool, typer.Option("--asymmetric", help="Webhooks: sign by an Ed25519 key; only its public key is shown.")
    ] = False,
) -> None:
    """Set the password at the receiver, or the secret that signs, or make a new one."""
    secret = read_password(from_stdin=True, variable=None) if secret_stdin else None
    body = {"secret": secret, "keep_last": keep_last, "asymmetric": asymmetric}
    found = api().call("PUT", path("outlets", name, "secret"), json=body)
    if found["public_key"] is not None:
        say(f"outlet {name} signs by another key; receivers check by {found['public_key']}", found)
    elif found["secret"] is None:
        say(f"outlet {name} has another secret", {"name": name})
    else:
        say(f"the secret of outlet {name}, shown this once: {found['secret']}", found)


@outlet.command("test")
def test_outlet(name: OutletName) -> None:
    """Send a message that is no event; exit 1 when it is not taken."""
    found = api().post(path("outlets", name, "test"), {})
    if found["delivered"]:
        answer = f": {found['answer']}" if found["answer"] else ""
        say(f"outlet {name} has delivered a test message{answer}", found)
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

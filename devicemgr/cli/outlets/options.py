"""Options of `outlet add` and `outlet edit`, and the fields that they give."""

from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.text import safe

MIN_REPORT_PARTS = 2

Url = Annotated[
    str | None, typer.Option(metavar="URL", help="Where events go: https://HOST/PATH, smtps://HOST, mqtts://HOST …")
]
Kinds = Annotated[
    str | None, typer.Option(metavar="A,B", help="Which events: access_denied,admin.*,alarms ; '' for the usual ones.")
]
Portal = Annotated[
    list[str] | None, typer.Option("--portal", metavar="NAME", help="Events of this portal; several; '' for all.")
]
Fields = Annotated[
    str | None, typer.Option(metavar="A,B", help="Given out too: name, evidence, comments; '' for none.")
]
Duress = Annotated[bool | None, typer.Option("--duress/--no-duress", help="Duress signals leave too.")]
Insecure = Annotated[bool | None, typer.Option("--insecure/--secure", help="Without TLS to another computer.")]
OnPoison = Annotated[
    str | None, typer.Option(metavar="stop|skip", help="After ten refusals of one event: wait, or leave it out.")
]
CaFile = Annotated[
    Path | None, typer.Option("--ca-file", metavar="FILE", help="Certificates to trust instead of the system's.")
]
Batch = Annotated[
    int | None, typer.Option(metavar="N", help="Webhooks: up to so many events in one request, 1 to 200.")
]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Mail, MQTT: whom to sign in as.")]
To = Annotated[list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Mail: who gets it; several.")]
Sender = Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="Mail: whom it is from.")]
Language = Annotated[str | None, typer.Option(metavar="en|ru|kk", help="Mail: in which language.")]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report", metavar="A,B,C", help="Mail: a report that it sends: hours,month,07:00,xlsx ; several; '' for none."
    ),
]
Discovery = Annotated[
    bool | None, typer.Option("--discovery/--no-discovery", help="MQTT: Home Assistant finds all by itself.")
]
Commands = Annotated[
    bool | None, typer.Option("--commands/--no-commands", help="MQTT: take commands that bring an operator's token.")
]
Format = Annotated[str | None, typer.Option(metavar="rfc5424|cef", help="Syslog: how a message is written.")]
Enterprise = Annotated[int | None, typer.Option(metavar="N", help="Syslog: the private enterprise number.")]


def stated(
    kinds: str | None,
    portals: list[str] | None,
    fields: str | None,
    tls_ca: Path | None,
    reports: list[str] | None,
    **plain: Any,
) -> dict[str, Any]:
    """Return the fields that the options give, as the API takes them."""
    found = {"kinds": _listed(kinds), "fields": _listed(fields), **plain}
    if portals is not None:
        found["portals"] = [name for name in portals if name]
    if reports is not None:
        found["reports"] = [_report(text) for text in reports if text]
    if tls_ca is not None:
        try:
            found["tls_ca"] = tls_ca.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"{tls_ca} can't be read as certificates; give a PEM file") from error
    return {name: value for name, value in found.items() if value is not None}


def _report(text: str) -> dict[str, str]:
    """Return a report that an outlet sends: which, how often, and if given at what time and as what file."""
    names, given = ("report", "every", "at", "format"), [part.strip() for part in text.split(",")]
    if not MIN_REPORT_PARTS <= len(given) <= len(names):
        raise typer.BadParameter(f"'{safe(text, 60)}' is no report to send; write one like hours,month,07:00,xlsx")
    return dict(zip(names, given, strict=False))


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]

"""`devicemgr person …`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm, named
from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, local, say, table, through, warn
from devicemgr.cli.people.person_words import grants_over, levels_in_words, with_state
from devicemgr.cli.people.roster.badge_file import BadgeFile, describe_change, read_badges
from devicemgr.cli.transport.api_client import path
from devicemgr.domain.rules.validity import Validity
from devicemgr.text import counted, natural_key

app = typer.Typer()

Badge = Annotated[str, typer.Argument(help="Badge number.")]
ValidFrom = Annotated[
    str | None, typer.Option(help="First day of validity: 2026-12-01; or its first moment, RFC 3339.")
]
ValidTo = Annotated[str | None, typer.Option(help="Last day of validity: 2027-12-31; or its end, RFC 3339.")]
Kind = Annotated[str | None, typer.Option(help="staff, contractor or visitor.")]
Department = Annotated[str | None, typer.Option(help="Department.")]
EmployeeId = Annotated[str | None, typer.Option("--employee-id", metavar="ID", help="Number by which HR knows them.")]
Email = Annotated[str | None, typer.Option(help="E-mail address.")]
Phone = Annotated[str | None, typer.Option(help="Phone number.")]
Host = Annotated[
    str | None, typer.Option("--hosted-by", metavar="BADGE", help="Badge of the person who answers for this one.")
]
Note = Annotated[str | None, typer.Option(help="Anything else, one line.")]


OneBadge = Annotated[str | None, typer.Argument(metavar="BADGE", help="Badge number.")]


def _show(person: dict[str, Any]) -> None:
    consent = person["consent"]
    details(
        {
            "badge": person["badge"],
            "name": person["name"],
            "levels": levels_in_words(person),
            "grants over": grants_over(person),
            "valid from": local(person["valid_from"]),
            "valid to": through(person["valid_to"]),
            "state": _state(person, datetime.now(UTC)),
            "kind": person["kind"],
            "department": person["department"],
            "employee id": person["employee_id"],
            "e-mail": person["email"],
            "phone": person["phone"],
            "host": person["host"],
            "escort": "required" if person["escort"] else None,
            "note": person["note"],
            "face consent": f"{consent['reference']} ({local(consent['given'])})" if consent else None,
            "consent until": _until(person),
            "face samples": person["templates"],
            "photos kept": person["samples_kept"],
            "cards": [with_state(card) for card in person["card_states"]],
            "PIN": "set" if person["pin"] else None,
        }
    )


def _until(person: dict[str, Any]) -> str | None:
    if person["consent"] is None:
        return "ended" if person["templates"] else None
    return through(person["consent"]["until"])


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The person's name, in any script.")],
    badge: Annotated[str, typer.Option(help="Badge number, unique.")],
    level: Annotated[list[str] | None, typer.Option(help="Access level; may be given several times.")] = None,
    valid_from: ValidFrom = None,
    valid_to: ValidTo = None,
    kind: Kind = None,
    department: Department = None,
    employee_id: EmployeeId = None,
    email: Email = None,
    phone: Phone = None,
    host: Host = None,
    note: Note = None,
    escort: Annotated[bool, typer.Option("--escort", help="Passes only together with one who may escort.")] = False,
) -> None:
    """Add a person."""
    body = {"name": name, "badge": badge, "levels": level or [], "valid_from": valid_from, "valid_to": valid_to}
    body |= {"kind": kind, "department": department, "employee_id": employee_id, "email": email, "phone": phone}
    person = api().post("/people", body | {"host": host, "note": note, "escort": escort})
    say(f"added {person['name']} with badge {person['badge']}", person)


@app.command("list")
def list_(
    q: Annotated[
        str | None,
        typer.Option("--q", metavar="TEXT", help="Only whose name or badge has this in it, or who hold this card."),
    ] = None,
    level: Annotated[str | None, typer.Option(help="Only those who hold this level.")] = None,
    state: Annotated[
        Validity | None, typer.Option(help="Only those who are active, suspended, expired or not valid yet.")
    ] = None,
    without_face: Annotated[
        bool, typer.Option("--without-face", help="Only those of whom no face is enrolled.")
    ] = False,
    expiring: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, help="Only those whose consent ends within so many days, or has ended."),
    ] = None,
) -> None:
    """List everybody, or those whom the options choose."""
    people = api().get("/people", q=q, level=level, state=state, expiring=expiring)
    if without_face:
        people = [person for person in people if not person["templates"]]
    if emit(people):
        return
    now = datetime.now(UTC)
    rows = [
        (
            p["badge"],
            p["name"],
            sorted({*p["levels"], *p["department_levels"]}),
            _state(p, now),
            through(p["valid_to"]),
            p["templates"],
            _until(p),
        )
        for p in sorted(people, key=lambda person: natural_key(person["badge"]))
    ]
    columns = ("badge", "name", "levels", "state", "valid to", "faces", "consent until")
    is_all = not (q or level or state or without_face or expiring is not None)
    empty = "no one yet; add people with: devicemgr person add NAME --badge ID" if is_all else "no one is so"
    table("", columns, rows, empty)


def _state(person: dict[str, Any], now: datetime) -> str:
    if person["suspended"]:
        return "suspended"
    if person["valid_from"] and datetime.fromisoformat(person["valid_from"]) > now:
        return "not yet"
    if person["valid_to"] and datetime.fromisoformat(person["valid_to"]) <= now:
        return "expired"
    return "active"


@app.command("show")
def show(badge: Badge) -> None:
    """Show one person."""
    person = api().get(path("people", badge))
    if not emit(person):
        _show(person)


@app.command("edit")
def edit(
    badge: Badge,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    new_badge: Annotated[str | None, typer.Option(help="New badge number.")] = None,
    valid_from: ValidFrom = None,
    valid_to: ValidTo = None,
    kind: Kind = None,
    department: Department = None,
    employee_id: EmployeeId = None,
    email: Email = None,
    phone: Phone = None,
    host: Host = None,
    note: Note = None,
    escort: Annotated[
        bool | None, typer.Option("--escort/--no-escort", help="Passes only together with one who may escort.")
    ] = None,
) -> None:
    """Change name, badge, validity or details; an empty value removes a time or detail."""
    given: dict[str, str | bool | None] = {
        "name": name,
        "badge": new_badge,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    given |= {"kind": kind, "department": department, "employee_id": employee_id, "email": email, "phone": phone}
    given |= {"host": host, "note": note, "escort": escort}
    body = {field: value for field, value in given.items() if value is not None}
    if not body:
        raise typer.BadParameter(
            "nothing to change; give --name, --new-badge, --valid-from, --valid-to, or another option of --help"
        )
    person = api().call("PATCH", path("people", badge), json=body)
    say(f"changed {person['badge']}", person)


@app.command("suspend")
def suspend(badge: OneBadge = None, file: BadgeFile = None) -> None:
    """Suspend all of a person's access, at once; with --file that of many, all or none."""
    if file is not None:
        _suspend_many(badge, file, suspended=True)
        return
    say(f"{badge} is suspended", api().post(path("people", _one(badge), "suspend")))


@app.command("resume")
def resume(badge: OneBadge = None, file: BadgeFile = None) -> None:
    """End a suspension; with --file those of many, all or none."""
    if file is not None:
        _suspend_many(badge, file, suspended=False)
        return
    say(f"{badge} may pass again", api().post(path("people", _one(badge), "resume")))


def _one(badge: str | None) -> str:
    if badge is None:
        raise typer.BadParameter("give a badge, or --file with one badge a line")
    return badge


def _suspend_many(badge: str | None, file: Path, *, suspended: bool) -> None:
    if badge is not None:
        raise typer.BadParameter("give either a badge or --file")
    found = api().post("/people/suspensions", {"badges": read_badges(file), "suspended": suspended})
    say(f"{'suspended' if suspended else 'resumed'} {describe_change(found)}", found)


@app.command("erase")
def erase(badge: Badge) -> None:
    """Erase a person and everything of theirs; an erasure record without name stays. Asks first, unless --yes."""
    found = api().get(path("people", badge))
    person = named(found)
    confirm(f"erase {person} with face, cards and consents", "This can't be undone.")
    answer = api().call("DELETE", path("people", badge))
    gone = ", ".join(counted(count, kind.removesuffix("s")) for kind, count in answer["erased"].items())
    warn_if_not_wiped(answer)
    if answer["devices"]:
        gone += (
            f"; to be erased on {', '.join(answer['devices'])}: `events --kind admin.erasure_completed` tells when, "
            "`admin.erasure_incomplete` where a device can't be queried"
        )
    if source := found.get("source"):
        warn(f"source {source} adds this person again, as someone new, as long as it names them: take them out of it")
    say(f"erased {person}: {gone}", answer)


def warn_if_not_wiped(answer: dict[str, Any]) -> None:
    """Say so when what was erased is still in the database's log, or in reach of the backups."""
    if not answer["backups_closed"]:
        warn("the people's keys beside the backups could not be rewritten: make a backup, which does that")
    if not answer["verified"]:
        warn("the database's log still holds what was erased, since a reader was at it; restart the daemon to clear it")

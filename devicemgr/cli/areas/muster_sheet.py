"""A muster's list on paper: a page that needs nothing beside it, and a table."""

from html import escape
from typing import Any

from devicemgr.cli.output import local
from devicemgr.people.tables.formats.delimited import csv_line
from devicemgr.text import safe

_STATES = {"missing": "missing", "safe": "safe", "out": "out", "not_here": "not here"}
_COLUMNS = ("state", "zone", "badge", "name", "since", "note")
_STYLE = """\
body { font-family: sans-serif; margin: 2em; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: 0.3em 0.5em; text-align: left; vertical-align: top; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
.box { width: 2em; }
h2 { break-after: avoid; }
"""


def unnamed_words(found: dict[str, Any]) -> dict[str, str]:
    """Return in words how many people were not recognized: inside at the beginning, and since."""
    words: dict[str, str] = {}
    if found["unnamed"] > 0:
        words["unnamed"] = f"{found['unnamed']} unnamed are inside"
    elif found["unnamed"] < 0:
        words["unnamed"] = f"{-found['unnamed']} of these have left unnamed"
    if found["unnamed_out"] or found["unnamed_in"]:
        words["since then"] = f"{found['unnamed_out']} left unnamed, {found['unnamed_in']} came in unnamed"
    return words


def notes_of(person: dict[str, Any]) -> str:
    """Return a person's marks in words, the latest last, and whether a console reported them late."""
    parts = ["reported late by a console"] if person["late"] else []
    for mark in person["marks"]:
        reason = f" ({mark['reason']})" if mark["reason"] else ""
        parts.append(f"{_STATES[mark['mark']]} {(local(mark['at']) or '')[11:]} by {mark['by']}{reason}")
    return "; ".join(parts)


def as_csv(found: dict[str, Any]) -> str:
    """Return the list as CSV, as RFC 4180 has it."""
    lines = [csv_line(_COLUMNS)]
    lines += [csv_line(_cells(state, person)) for state in _STATES for person in found[state]]
    return "".join(f"{line}\r\n" for line in lines)


def _cells(state: str, person: dict[str, Any]) -> list[str]:
    shown = (person["zone"], person["badge"], person.get("name"), local(person["since"]), notes_of(person))
    return [_STATES[state], *(safe(value or "", 500) for value in shown)]


def as_html(found: dict[str, Any]) -> str:
    """Return the list as a page for printing, the missing first, with a box to tick for each."""
    place = "the whole site" if found["zone"] is None else f"zone {found['zone']}"
    title = f"{'Drill' if found['drill'] else 'Muster'} of {place}, {local(found['started'])}"
    totals = ", ".join(f"{found['totals'][state]} {word}" for state, word in _STATES.items())
    summary = [f"{found['id']}, {found['state']}", totals, *unnamed_words(found).values()]
    parts = [f"<p>{_text('; '.join(summary))}</p>"]
    parts += [_section(state, found[state]) for state in _STATES if found[state]]
    head = f'<meta charset="utf-8"><title>{_text(title)}</title><style>{_STYLE}</style>'
    body = "\n".join([f"<h1>{_text(title)}</h1>", *parts])
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _section(state: str, people: list[dict[str, Any]]) -> str:
    heading = "".join(f"<th>{name}</th>" for name in ("", *_COLUMNS[1:]))
    rows = []
    for person in people:
        cells = "".join(f"<td>{_text(value)}</td>" for value in _cells(state, person)[1:])
        rows.append(f'<tr><td class="box"></td>{cells}</tr>')
    head = f"<thead><tr>{heading}</tr></thead>"
    return f"<h2>{_STATES[state]}: {len(people)}</h2>\n<table>{head}<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _text(value: str) -> str:
    return escape(value, quote=True)

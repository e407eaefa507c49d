"""site.toml: what a site is made of, without people, faces and secrets; read, compared, written."""

import hashlib
import tomllib
from collections.abc import Mapping
from typing import Any

from devicemgr.errors import InvalidInput
from devicemgr.site import toml_writer
from devicemgr.text import safe

MOST_BYTES = 1024 * 1024
SITE, MODEL = "site", "model"
# In the order in which they stand on each other.
KINDS = (
    *("calendars", "schedules", "profiles", "devices", "zones", "portals", "interlocks"),
    *("levels", "threats", "departments", "sources", "plans", "outlets"),
)

Document = dict[str, dict[str, Any]]

_HEAD = """\
# A site of devicemgr: what is exported is in this form, and what is applied is in force.
# People, faces, cards and passwords are never in it.

"""


def parse(text: str) -> Document:
    """Return the tables of a file; InvalidInput names the line or the table that is wrong.

    Values are not checked here.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise InvalidInput("the site's file is over 1 MB; that is no site.toml")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"the site's file is not valid TOML: {safe(str(error), 200)}") from error
    except RecursionError as error:
        raise InvalidInput("the site's file is nested too deeply") from error
    for table, content in found.items():
        if table not in (SITE, MODEL, *KINDS):
            raise InvalidInput(
                f"the site's file has [{safe(table, 60)}]; it may have {', '.join((SITE, MODEL, *KINDS))}"
            )
        entries = (
            [content]
            if table in (SITE, MODEL)
            else [content, *content.values()]
            if isinstance(content, dict)
            else [None]
        )
        if not all(isinstance(entry, dict) for entry in entries):
            raise InvalidInput(f"'{table}' in the site's file must be made of tables, such as [{table}.NAME]")
    return found


def text_of(document: Document) -> str:
    """Return the file; `parse` gives the document again."""
    return _HEAD + toml_writer.document(document, KINDS)


def plan_digest(revision: int, text: str, *, prune: bool) -> str:
    """Return what names a plan: it differs once the site has been changed, or for another file."""
    content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return hashlib.sha256(f"{revision} {int(prune)} {content}".encode()).hexdigest()[:32]


def changes(before: Document, wanted: Document, *, prune: bool) -> list[dict[str, Any]]:
    """Return what makes `wanted` out of `before`: kind, name, change (add, edit or remove) and fields with both values.

    A table that is not in `wanted` is left alone, and what it does not name is removed only by `prune`.
    """
    found = [_edit(table, "", before[table], wanted[table]) for table in (SITE, MODEL) if table in wanted]
    for kind in KINDS:
        there = before[kind]
        for name, fields in wanted.get(kind, {}).items():
            if name in there:
                found.append(_edit(kind, name, there[name], fields))
            else:
                found.append({"kind": kind, "name": name, "change": "add", "fields": _both({}, fields)})
    gone = unnamed(before, wanted) if prune else []
    found += [{**entry, "change": "remove", "fields": {}} for entry in reversed(gone)]
    return [change for change in found if change["fields"] or change["change"] != "edit"]


def unnamed(before: Document, wanted: Document) -> list[dict[str, Any]]:
    """Return what the site has and the file does not name, of those kinds that the file speaks of."""
    return [
        {"kind": kind, "name": name}
        for kind in KINDS
        if kind in wanted
        for name in before[kind]
        if name not in wanted[kind]
    ]


def _edit(kind: str, name: str, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "name": name, "change": "edit", "fields": _both(before, wanted)}


def _both(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        field: [before.get(field), wanted.get(field)]
        for field in {**before, **wanted}
        if before.get(field) != wanted.get(field)
    }

"""Use cases of sources: add, change and remove them in a unit of work."""

from collections.abc import Mapping
from typing import Any

from devicemgr.errors import AlreadyExists, Hint, InvalidInput
from devicemgr.site.sources.fields import SourceFields
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import people, sources as rows
from devicemgr.store.tables import SourceRow
from devicemgr.text import safe, slug


def add_source(work: UnitOfWork, name: str, fields: SourceFields) -> SourceRow:
    """Add a source; AlreadyExists if the name is taken, NotFound for a level that is not there."""
    slug("source", name)
    if work.session.get(SourceRow, name):
        raise AlreadyExists(
            f"source '{name}' exists; choose another name, or change it", hint=Hint("edit_source", name=name)
        )
    _require_levels(work, name, fields)
    row = SourceRow(name=name, stated=fields.stated(), state={})
    work.session.add(row)
    work.session.flush()
    work.record("admin.source_added", {"source": name}, after=_rights(row.stated))
    return row


def put_source(work: UnitOfWork, name: str, fields: SourceFields) -> tuple[SourceRow, bool]:
    """Add the source, or make an existing one state exactly this; return it, and True if it was added.

    What waited for someone to accept it is compared again.
    """
    row = work.session.get(SourceRow, name)
    if row is None:
        return add_source(work, name, fields), True
    stated = fields.stated()
    if row.stated != stated:
        _require_levels(work, name, fields)
        before, row.stated = row.stated, stated
        rows.set_state(row, held=None, failed=None, unsure=None, file=None)
        work.session.flush()
        work.record("admin.source_edited", {"source": name}, before=_rights(before), after=_rights(stated))
    return row, False


def remove_source(work: UnitOfWork, name: str) -> int:
    """Remove a source; its people stay as they are, and are the site's own. Return how many."""
    row = rows.source(work.session, name)
    released = rows.release(work.session, name)
    work.record("admin.source_removed", {"source": name, "people": released}, before=_rights(row.stated))
    work.session.delete(row)
    work.session.flush()
    return released


def _require_levels(work: UnitOfWork, name: str, fields: SourceFields) -> None:
    known = people.level_names(work.session)
    unknown = next((level for level in fields.map.values() if level not in known), None)
    if unknown is not None:
        raise InvalidInput(
            f"source '{name}' maps to level '{safe(unknown, 60)}', which is not there; add the level first",
            hint=Hint("list_levels"),
        )


def _rights(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what bears rights; the names of columns and of the file do not."""
    names = ("kind", "every", "map", "missing", "erase_after_days", "most_changes")
    return {name: stated[name] for name in names if name in stated}

"""Keep what a source has of its people from being changed by anyone but the source."""

from collections.abc import Iterable

from devicemgr.errors import Hint, KeptBySource
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people.sources import BY_SOURCE, Managed, actor_of, managed_of
from devicemgr.store.tables import PersonRow
from devicemgr.text import safe


def require_editable(work: UnitOfWork, row: PersonRow, fields: Iterable[str], badge: str | None = None) -> None:
    """Raise KeptBySource if one of these fields of the person is its source's; `badge` is the one before the change."""
    kept = _kept(work, row)
    found = sorted(set(fields) & kept.fields - {"levels", "suspended"}) if kept else []
    if found:
        raise _refusal(row, ", ".join(found), badge)


def require_grantable(work: UnitOfWork, row: PersonRow, level: str) -> None:
    """Raise KeptBySource if the person's source grants and revokes this level."""
    kept = _kept(work, row)
    if kept and "levels" in kept.fields and level in kept.levels:
        raise _refusal(row, f"level {safe(level, 60)}")


def require_resumable(work: UnitOfWork, row: PersonRow) -> None:
    """Raise KeptBySource if the person's source has suspended them; a suspension by hand ends by hand."""
    if row.suspended_by == BY_SOURCE and _kept(work, row):
        raise _refusal(row, "the suspension")


def _kept(work: UnitOfWork, row: PersonRow) -> Managed | None:
    if row.source is None or work.actor == actor_of(row.source):
        return None
    return managed_of(work.session, row)


def _refusal(row: PersonRow, what: str, badge: str | None = None) -> KeptBySource:
    shown = safe(badge or row.badge, 60)
    return KeptBySource(
        f"source {row.source} keeps {what} of badge {shown}; change it there, and it comes with the next run",
        facts={"source": row.source, "badge": shown},
        hint=Hint("show_source", name=row.source),
    )

"""Rows of outlets, their cursors and their secrets."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.store.site.lookup import find_named
from devicemgr.text import rfc3339
from devicemgr.vault import Vault

REPORTED = "is_reported"
"""In a state: the alarm that nothing leaves is on."""

_SEPARATOR = "\n"
_SITE_ID = "site_id"


def outlet(session: Session, name: str) -> OutletRow:
    """Return the outlet of that name, or NotFound."""
    return find_named(session, OutletRow, "outlet", name)


def outlets(session: Session) -> Sequence[OutletRow]:
    """Return all outlets by name."""
    return session.scalars(select(OutletRow).order_by(OutletRow.name)).all()


def giving_out(session: Session, portal: str) -> str | None:
    """Return the first outlet that names this portal; None where none does."""
    return next((row.name for row in outlets(session) if portal in row.stated.get("portals", ())), None)


def versions(session: Session) -> dict[str, int]:
    """Return by name the version of each outlet that gives out events: it neither is paused nor waits for a person."""
    query = select(OutletRow.name, OutletRow.version, OutletRow.state).where(OutletRow.paused.is_(False))
    return {name: version for name, version, state in session.execute(query) if not state.get("stopped")}


def count(session: Session) -> int:
    """Return how many outlets there are."""
    return session.scalar(select(func.count()).select_from(OutletRow)) or 0


def move(session: Session, name: str, version: int, through: int, state: Mapping[str, Any]) -> bool:
    """Store how far an outlet of that version has come, and what its tries left; return False for one that is gone.

    One that was changed keeps its own, but for whether an alarm is on, which the change did not end.
    """
    row = session.get(OutletRow, name)
    if row is None:
        return False
    if row.version == version:
        row.cursor, row.state = through, dict(state)
    else:
        kept = {key: value for key, value in row.state.items() if key != REPORTED}
        row.state = kept | ({REPORTED: True} if state.get(REPORTED) else {})
    return True


def report(session: Session, name: str, version: int, why: str) -> bool:
    """Store that an outlet of that version can't run; return True where no alarm says so yet."""
    row = session.get(OutletRow, name)
    if row is None or row.version != version:
        return False
    is_new = not row.state.get(REPORTED)
    since = row.state.get("failing_since") or rfc3339(datetime.now(UTC))
    row.state = {**row.state, "error": why, "failing_since": since, REPORTED: True}
    return is_new


def held_from(state: Mapping[str, Any]) -> int | None:
    """Return the seq of the first event that an outlet of mails holds for its next one; None for none."""
    firsts = (group["first"] for group in state.get("collected", {}).values())
    return min((first for first in firsts if first is not None), default=None)


def given_through(row: OutletRow) -> int:
    """Return the seq up to which an outlet has given out or left out all events."""
    held = held_from(row.state)
    return row.cursor if held is None else min(row.cursor, held - 1)


def set_secrets(row: OutletRow, vault: Vault, secrets: Sequence[str]) -> None:
    """Seal an outlet's secrets, the newest first; none takes them away."""
    row.sealed_secret = vault.seal_secret(_subject(row.name), _SEPARATOR.join(secrets)) if secrets else None


def secrets_of(row: OutletRow, vault: Vault) -> tuple[str, ...]:
    """Return an outlet's secrets, the newest first; KeyMissing when they were altered or are another outlet's."""
    if row.sealed_secret is None:
        return ()
    return tuple(vault.open_secret(_subject(row.name), row.sealed_secret).split(_SEPARATOR))


def reseal_secrets(session: Session, before: Vault, fresh: Vault) -> int:
    """Seal all secrets under another key; return how many outlets have one."""
    found = [row for row in outlets(session) if row.sealed_secret is not None]
    for row in found:
        set_secrets(row, fresh, secrets_of(row, before))
    return len(found)


def site_id(session: Session) -> str:
    """Return what receivers know this site by; "" before the first outlet was added."""
    return get_meta(session, _SITE_ID) or ""


def make_site_id(session: Session) -> None:
    """Choose what receivers know this site by, once."""
    if not site_id(session):
        set_meta(session, _SITE_ID, uuid.uuid4().hex[:12])


def _subject(name: str) -> str:
    return f"outlet|{name}"

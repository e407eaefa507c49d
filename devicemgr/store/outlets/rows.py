"""Rows of outlets, their cursors and their secrets."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.store.site.lookup import find_named
from devicemgr.vault import Vault

_SEPARATOR = "\n"
_SITE_ID = "site_id"


def outlet(session: Session, name: str) -> OutletRow:
    """Return the outlet of that name, or NotFound."""
    return find_named(session, OutletRow, "outlet", name)


def outlets(session: Session) -> Sequence[OutletRow]:
    """Return all outlets by name."""
    return session.scalars(select(OutletRow).order_by(OutletRow.name)).all()


def move(session: Session, name: str, version: int, through: int, state: Mapping[str, Any]) -> None:
    """Store how far an outlet of that version has come, and what its tries left; nothing for one that was changed."""
    of_it = update(OutletRow).where(OutletRow.name == name, OutletRow.version == version)
    session.execute(of_it.values(cursor=through, state=dict(state)))


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

"""Profiles of devices, how far each device was set up, and the passwords that were made for it."""

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from devicemgr.domain.device_profile import Profile
from devicemgr.errors import NotFound, RequestError
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import DeviceRow, DeviceSecretRow, ProfileRow, ProvisioningRow
from devicemgr.text import safe
from devicemgr.vault import Vault

OWN = ""  # our own login among a device's users
SENT, SETTLED = "sent", "settled"
# Many cameras take 16 characters at most, and want letters of both cases and a digit.
_LENGTH = 16
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Secret:
    """A password made for a user of a device."""

    password: str = field(repr=False)
    phase: str


def profile(session: Session, name: str) -> Profile:
    """Return the profile of that name, or NotFound."""
    return Profile.model_validate(_row(session, name).stated)


def require(session: Session, name: str) -> str:
    """Return the name of a profile that exists, or NotFound."""
    return _row(session, name).name


def all_stated(session: Session) -> dict[str, dict[str, Any]]:
    """Every profile by name, as the site's file has it."""
    return {row.name: dict(row.stated) for row in session.scalars(select(ProfileRow).order_by(ProfileRow.name))}


def save(session: Session, name: str, stated: dict[str, Any]) -> None:
    """Add a profile, or put another in its place."""
    session.merge(ProfileRow(name=name, stated=stated))
    session.flush()


def remove(session: Session, name: str) -> None:
    """Remove a profile that no device has; RequestError names the device otherwise."""
    used = session.scalar(select(DeviceRow.name).where(DeviceRow.profile == name).order_by(DeviceRow.name))
    if used:
        raise RequestError(f"device '{used}' has the profile '{name}'; give it another one, or none, first")
    session.delete(_row(session, name))
    session.flush()


def _row(session: Session, name: str) -> ProfileRow:
    row = session.get(ProfileRow, name)
    if row is None:
        raise NotFound(f"there is no profile '{safe(name, 60)}'; describe it in the site's file under [profiles.NAME]")
    return row


def begin(session: Session, device_id: str, profile_name: str, step: str) -> None:
    """Note that a step is under way."""
    _note(session, device_id, profile_name, "running", step)


def end(session: Session, device_id: str, profile_name: str, *, done: bool) -> None:
    """Note how it ended."""
    _note(session, device_id, profile_name, "done" if done else "failed", "")


def _note(session: Session, device_id: str, profile_name: str, phase: str, step: str) -> None:
    session.merge(
        ProvisioningRow(device_id=device_id, profile=profile_name, phase=phase, step=step[:60], at=now_text())
    )
    session.flush()


def progress(session: Session, device_id: str) -> dict[str, Any] | None:
    """How far a device was set up, JSON-ready; None when it never was. `running` is one that broke off, or goes on."""
    row = session.get(ProvisioningRow, device_id)
    if row is None:
        return None
    return {"profile": row.profile, "phase": row.phase, "step": row.step or None, "at": row.at}


def phases(session: Session) -> dict[str, str]:
    """By device's name, how far it was set up: running, done or failed."""
    query = select(DeviceRow.name, ProvisioningRow.phase).join(DeviceRow, DeviceRow.id == ProvisioningRow.device_id)
    return {row.name: row.phase for row in session.execute(query)}


def secret(session: Session, vault: Vault, device_id: str, user: str) -> Secret | None:
    """Return the password that was made for a user of a device."""
    row = session.get(DeviceSecretRow, (device_id, user))
    return None if row is None else Secret(vault.open_secret(_subject(device_id, user), row.sealed), row.phase)


def make_secret(session: Session, vault: Vault, device_id: str, user: str) -> Secret:
    """Return the password that was made for a user, else a new one; noted as sent.

    Our own login gets another each time.
    """
    kept = secret(session, vault, device_id, user)
    used_up = kept is None or (user == OWN and kept.phase == SETTLED)
    found = Secret(_generate() if kept is None or used_up else kept.password, SENT)
    keep_secret(session, vault, device_id, user, found)
    return found


def keep_secret(session: Session, vault: Vault, device_id: str, user: str, kept: Secret) -> None:
    """Store a password and how far it got."""
    sealed = vault.seal_secret(_subject(device_id, user), kept.password)
    session.merge(DeviceSecretRow(device_id=device_id, user=user, sealed=sealed, phase=kept.phase))
    session.flush()


def reseal_secrets(session: Session, before: Vault, fresh: Vault) -> int:
    """Seal every password that was made for a device's user under another vault; how many there are."""
    found = session.scalars(select(DeviceSecretRow)).all()
    for row in found:
        subject = _subject(row.device_id, row.user)
        row.sealed = fresh.seal_secret(subject, before.open_secret(subject, row.sealed))
    session.flush()
    return len(found)


def forget_secrets(session: Session, device_id: str, users: Sequence[str]) -> None:
    """Give up the passwords of some users."""
    session.execute(
        delete(DeviceSecretRow).where(DeviceSecretRow.device_id == device_id, DeviceSecretRow.user.in_(users))
    )


def forget_all_secrets(session: Session, device_id: str) -> None:
    """Give up all passwords that were made for a device."""
    session.execute(delete(DeviceSecretRow).where(DeviceSecretRow.device_id == device_id))


def _subject(device_id: str, user: str) -> str:
    return f"{device_id}|user|{user}"


def _generate() -> str:
    while True:
        found = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        if all(
            any(c in kind for c in found) for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        ):
            return found

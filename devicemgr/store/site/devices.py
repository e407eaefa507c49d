"""Rows of devices and their sealed passwords."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from devicemgr.domain.model import (
    DeviceConfig,
)
from devicemgr.errors import AlreadyExists, Hint, NotFound, RequestError
from devicemgr.store.device_tables import ConditionRow, CursorRow, HoldingRow
from devicemgr.store.tables import AccessPointRow, DeviceRow, DeviceSecretRow, PortalRow, ProvisioningRow
from devicemgr.text import safe
from devicemgr.vault import Vault


def device(session: Session, name: str) -> DeviceRow:
    """Return the device of that name, or NotFound."""
    row = session.scalar(select(DeviceRow).where(DeviceRow.name == name))
    if row is None:
        raise NotFound(
            f"there is no device '{safe(name, 60)}'",
            code="device_not_found",
            facts={"name": safe(name, 60)},
            hint=Hint("list_devices"),
        )
    return row


def devices(session: Session) -> Sequence[DeviceRow]:
    """Return all devices by name."""
    return session.scalars(select(DeviceRow).order_by(DeviceRow.name)).all()


def add_device(session: Session, vault: Vault, config: DeviceConfig) -> DeviceRow:
    """Return a new device; its id is made here, and seals its password."""
    if session.scalar(select(DeviceRow.id).where(DeviceRow.name == config.name)):
        raise AlreadyExists(
            f"a device '{config.name}' exists; choose another name", hint=Hint("edit_device", name=config.name)
        )
    row = DeviceRow(
        id=str(uuid.uuid4()),
        name=config.name,
        driver=config.driver,
        address=config.address,
        username=config.username,
        options=dict(config.options),
    )
    set_password(row, vault, config.password)
    session.add(row)
    session.flush()
    return row


def reseal_passwords(session: Session, before: Vault, fresh: Vault) -> int:
    """Seal every device's password under another vault; how many there are."""
    found = [row for row in devices(session) if row.sealed_password is not None]
    for row in found:
        assert row.sealed_password is not None
        set_password(row, fresh, before.open_secret(row.id, row.sealed_password))
    session.flush()
    return len(found)


def set_password(row: DeviceRow, vault: Vault, password: str | None) -> None:
    """Seal a device's password; None leaves it without one."""
    row.sealed_password = vault.seal_secret(row.id, password) if password is not None else None


def remove_device(session: Session, row: DeviceRow) -> None:
    """Remove a device that no portal uses; RequestError names the portal otherwise."""
    query = select(PortalRow.name).outerjoin(AccessPointRow)
    used = session.scalar(query.where(or_(PortalRow.gate_id == row.id, AccessPointRow.device_id == row.id)))
    if used:
        raise RequestError(f"portal '{used}' uses device '{row.name}'; edit or remove the portal first")
    for table in (ConditionRow, CursorRow, HoldingRow, DeviceSecretRow, ProvisioningRow):
        session.execute(delete(table).where(table.device_id == row.id))
    session.delete(row)
    session.flush()


def device_config(row: DeviceRow, vault: Vault) -> DeviceConfig:
    """Return the device with its password in clear; KeyMissing when that does not open."""
    password = vault.open_secret(row.id, row.sealed_password) if row.sealed_password is not None else None
    return DeviceConfig(row.id, row.name, row.driver, row.address, row.username, password, dict(row.options))

"""Use cases of devices: add, edit, replace and remove them in a unit of work.

Checking a configuration may load a vendor's library, which must not keep the ledger from its database: call
`checked_config` before the unit of work begins.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import Hint, InvalidInput, RequestError
from devicemgr.site import password_scope
from devicemgr.site.plans import service as plans
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.site import device_sync, devices as rows, provisioning
from devicemgr.store.tables import DeviceRow
from devicemgr.text import counted, safe, slug

LeftFacts = Callable[[Session, str, Sequence[str], set[str]], list[Fact]]
"""Gives the facts for people whom a removed device still holds: its name, their ids, and those not erased."""


@dataclass(frozen=True, slots=True)
class DeviceEdit:
    """New values of a device's fields; None leaves a field as it is.

    `options` are merged into the present ones, one of None is removed; an empty `profile` takes the profile away.
    """

    address: str | None = None
    username: str | None = None
    password: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    profile: str | None = None


def new_config(
    site: Site,
    name: str,
    driver: str,
    address: str,
    username: str | None = None,
    password: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> DeviceConfig:
    """Return the checked configuration of a device to add."""
    return checked_config(
        site,
        DeviceConfig(
            "", slug("device", name), driver, checked_address(address), username, password, dict(options or {})
        ),
    )


def checked_config(site: Site, config: DeviceConfig) -> DeviceConfig:
    """Return the configuration with its options as they are stored.

    Raises InvalidInput with the name of the option or the address that is wrong.
    """
    checked = replace(config, options=stored_options(site, config))
    site.parts.catalog.get(config.driver).build(checked)
    return checked


def stored_options(site: Site, config: DeviceConfig) -> dict[str, Any]:
    """Return a device's options as they are stored; InvalidInput names the one that is wrong."""
    driver = site.parts.catalog.get(config.driver)
    given = {name: value for name, value in config.options.items() if value is not None}
    try:
        return driver.options.model_validate(given).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        known = ", ".join(driver.options.model_fields) or "none"
        raise InvalidInput(safe(f"{_fault(error)}; options of {config.driver}: {known}")) from error


def _fault(error: ValidationError) -> str:
    """Return the first fault in words; an unknown name comes before the one that it should have been."""
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return f"there is no option {where}"
        case "missing":
            return f"option {where} must be given"
        case _:
            return f"option {where}: {first['msg'].removeprefix('Value error, ')}"


def checked_address(text: str) -> str:
    """Return an address as it is stored; InvalidInput if it holds credentials or is unusable."""
    address = text.strip()
    if not 1 <= len(address) <= 500 or not address.isprintable() or _has_credentials(address):
        raise InvalidInput(
            "the address is not usable; give it without credentials, and those apart", hint=Hint("pass_credentials")
        )
    return address


def _has_credentials(address: str) -> bool:
    return "://" in address and "@" in address.split("://", 1)[1].split("/", 1)[0]


def add_device(work: UnitOfWork, config: DeviceConfig, profile: str | None = None) -> DeviceRow:
    """Add a device of a checked configuration; nothing is connected yet. AlreadyExists if the name is taken."""
    row = rows.add_device(work.session, work.site.vault, config)
    row.profile = provisioning.require(work.session, profile) if profile else None
    detail = {"device": row.name, "driver": row.driver, "address": row.address}
    work.record("admin.device_added", detail, after=_rights_of(row))
    return row


def edited_config(site: Site, row: DeviceRow, edit: DeviceEdit) -> DeviceConfig:
    """Return what the device becomes; InvalidInput if its stored password would go to another place."""
    before = rows.device_config(row, site.vault)
    after = DeviceConfig(
        row.id,
        row.name,
        row.driver,
        checked_address(edit.address or row.address),
        edit.username if edit.username is not None else row.username,
        edit.password or before.password,
        row.options | dict(edit.options),
    )
    if not edit.password:
        password_scope.require_again(site.parts.catalog.get(row.driver).options, before, after)
    return after


def check_edit(site: Site, name: str, edit: DeviceEdit) -> None:
    """Raise InvalidInput for an edit that can not be made; call it before the unit of work begins."""
    with site.database.read() as session:
        wanted = edited_config(site, rows.device(session, name), edit)
    checked_config(site, wanted)


def edit_device(work: UnitOfWork, name: str, edit: DeviceEdit) -> DeviceRow:
    """Change a device; `changed` in the record names the fields that have a new value."""
    row = rows.device(work.session, name)
    config = edited_config(work.site, row, edit)
    password = rows.device_config(row, work.site.vault).password
    before, fields = _rights_of(row), _fields(row, password)
    if not password_scope.is_kept_place(row.address, config.address):
        # Provisioning would try them on the device at the new place.
        provisioning.forget_all_secrets(work.session, row.id)
    row.address, row.username, row.options = config.address, config.username, stored_options(work.site, config)
    if config.password != password:
        rows.set_password(row, work.site.vault, config.password)
    if edit.profile is not None:
        row.profile = provisioning.require(work.session, edit.profile) if edit.profile else None
    after = _fields(row, config.password)
    if changed := sorted(name for name, value in after.items() if value != fields[name]):
        detail = {"device": name, "changed": changed}
        work.record("admin.device_edited", detail, before=before, after=_rights_of(row))
    return row


def replacing_edit(row: DeviceRow, driver: str, edit: DeviceEdit) -> DeviceEdit:
    """Return the edit that makes a device exactly what `edit` says: absent options and profile are removed.

    Raises InvalidInput for another driver. A password that is not given stays.
    """
    if driver != row.driver:
        raise InvalidInput(f"device '{row.name}' is a {row.driver}; a new kind needs a new name")
    dropped = {option: None for option in row.options if option not in edit.options}
    return replace(edit, username=edit.username or "", options=dropped | dict(edit.options), profile=edit.profile or "")


def remove_device(work: UnitOfWork, name: str, left_facts: LeftFacts, *, forget: bool = False) -> int:
    """Remove a device that no portal uses; return how many people it still holds, which is recorded.

    Raises RequestError for a device that holds people, unless `forget`.
    """
    row = rows.device(work.session, name)
    people, here = device_sync.people_of(work.session, row.id)
    if people and not forget:
        raise RequestError(
            f"{name} still holds {counted(len(people), 'person', 'people')}: wipe it first (take it out of its portals "
            "and synchronize it), or leave them on it",
            hint=Hint("wipe_device", name=name),
        )
    facts = left_facts(work.session, name, people, here)
    before = _rights_of(row)
    rows.remove_device(work.session, row)
    work.record("admin.device_removed", {"device": name, "left_people": len(people)}, before=before)
    work.site.ledger.append(work.session, facts)
    plans.forget(work, "device", name)
    return len(people)


def _rights_of(row: DeviceRow) -> dict[str, Any]:
    return {"driver": row.driver, "address": row.address, "options": dict(row.options), "profile": row.profile}


def _fields(row: DeviceRow, password: str | None) -> dict[str, Any]:
    return {
        "address": row.address,
        "username": row.username or None,
        "password": password,
        "options": dict(row.options),
        "profile": row.profile,
    }

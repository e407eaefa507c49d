"""Key rotation: everything under the site's old key is sealed under a new one, in one transaction.

The new key is on disk before the transaction begins, beside the old one, and takes its place after the commit.
After a kill at any moment the database's fingerprint says which of the two is its own (site.load_vault).
"""

from contextlib import suppress
from typing import Any

from devicemgr.atomic_files import replace_durably, sync_folder
from devicemgr.gallery import cache_file
from devicemgr.recovery import backup
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import audit_fact
from devicemgr.store.database import FINGERPRINT, Session, set_meta
from devicemgr.store.outlets import rows as outlet_store
from devicemgr.store.people import people
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.vault import Vault


def rotate(site: Site, actor: str) -> dict[str, Any]:
    """Replace the site's key; return how much was sealed again. The daemon goes on with the new key."""
    fresh = Vault.fresh()
    replace_durably(site.home.new_key, fresh.dump())
    before = Vault.twin(site.vault)
    try:
        with site.database.write() as session:
            done = _reseal(session, before, fresh)
            set_meta(session, FINGERPRINT, fresh.fingerprint())
            site.ledger.append(session, [audit_fact("admin.key_rotated", actor, done)])
            # Before the commit: a reader then finds rows of the new key or of the old one, and both open.
            site.vault.adopt(fresh)
    except BaseException:
        site.vault.adopt(before)
        with suppress(OSError):
            site.home.new_key.unlink(missing_ok=True)
        raise
    with suppress(FileNotFoundError):  # another process that opened the home has done it already
        site.home.new_key.replace(site.home.key)
    sync_folder(site.home.key.parent)
    return {**done, "wiped": site.database.forget(), "key": str(site.home.key), "credential": site.home.has_credential}


def _reseal(session: Session, before: Vault, fresh: Vault) -> dict[str, int]:
    return {
        "people": people.reseal_keys(session, before, fresh),
        "devices": device_store.reseal_passwords(session, before, fresh),
        "device_users": provisioning.reseal_secrets(session, before, fresh),
        "outlets": outlet_store.reseal_secrets(session, before, fresh),
        "files": cache_file.reseal(session, before, fresh) + backup.reseal_keyring(session, before, fresh),
    }

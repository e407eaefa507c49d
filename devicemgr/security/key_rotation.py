"""A new key for the site: everything that is under the old one is sealed anew, in one transaction.

The new key is on disk before the transaction begins, beside the old one, and takes its place after the commit.
Whichever way a kill falls, the database says by its fingerprint which of the two is its own (site.load_vault).
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from devicemgr.atomic_files import replace_durably, sync_folder
from devicemgr.domain.ledger_events import Fact
from devicemgr.gallery import cache_file
from devicemgr.recovery import backup
from devicemgr.site.site import Site
from devicemgr.store.database import FINGERPRINT, Session, set_meta
from devicemgr.store.people import people
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.vault import Vault


def rotate(site: Site, actor: str) -> dict[str, Any]:
    """Put a new key in the old one's place; how much was sealed anew. The daemon goes on with the new one."""
    fresh = Vault.fresh()
    replace_durably(site.home.new_key, fresh.dump())
    before = Vault.twin(site.vault)
    try:
        with site.database.write() as session:
            done = _sealed_anew(session, before, fresh)
            set_meta(session, FINGERPRINT, fresh.fingerprint())
            fact = Fact("admin.key_rotated", datetime.now(UTC), actor=actor, detail=dict(done))
            site.ledger.append(session, [fact])
            # Before the commit: whoever reads then finds rows of the new key or of the old, and both open.
            site.vault.adopt(fresh)
    except BaseException:
        site.vault.adopt(before)
        with suppress(OSError):
            site.home.new_key.unlink(missing_ok=True)
        raise
    with suppress(FileNotFoundError):  # somebody else who opened the home has done it already
        site.home.new_key.replace(site.home.key)
    sync_folder(site.home.key.parent)
    return {**done, "wiped": site.database.forget(), "key": str(site.home.key), "credential": site.home.has_credential}


def _sealed_anew(session: Session, before: Vault, fresh: Vault) -> dict[str, int]:
    return {
        "people": people.seal_keys_anew(session, before, fresh),
        "devices": device_store.reseal_passwords(session, before, fresh),
        "device_users": provisioning.reseal_secrets(session, before, fresh),
        "files": cache_file.reseal(session, before, fresh) + backup.reseal_keyring(session, before, fresh),
    }

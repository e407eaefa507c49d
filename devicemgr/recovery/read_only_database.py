"""A site whose database can't be used, as its last good snapshot has it: to decide by, not to be changed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from devicemgr.errors import DevicemgrError, Hint, StorageFailed
from devicemgr.home import Home
from devicemgr.recovery import quarantine
from devicemgr.store import integrity, sqlite
from devicemgr.store.database import FINGERPRINT, Database, Session, set_meta
from devicemgr.vault import Vault

_PREFIX = "frozen-"


class FrozenDatabase(Database):
    """A private copy of the snapshot; every write is refused with what to do."""

    def __init__(self, path: Path, why: str, hint: Hint | None) -> None:
        super().__init__(sqlite.open_engine(path))
        self._folder = path.parent
        self.frozen = why
        self.frozen_hint = hint

    @contextmanager
    def write(self, **_: object) -> Iterator[Session]:
        """StorageFailed."""
        raise self.refusal()
        yield

    def forget(self) -> bool:
        """Nothing was deleted."""
        return True

    def close(self) -> None:
        """Close the database and delete the copy."""
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)


def open_frozen(home: Home, why: str, *, empty_vault: Vault | None) -> FrozenDatabase:
    """Open the snapshot, or an empty database under that vault; StorageFailed without either."""
    home.cache.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home.cache))
    path = folder / home.database.name
    refusal = quarantine.unusable(home, why)
    what = str(refusal)
    try:
        if integrity.flaw(home.snapshot, None) is not None:
            raise StorageFailed("there is no whole snapshot")
        integrity.copy(home.snapshot, path)
        Database.create(path).close()
    except DevicemgrError as error:
        if empty_vault is None:
            shutil.rmtree(folder)
            raise refusal from error
        what += "; no person is known, since there is no whole snapshot"
        path.unlink(missing_ok=True)
        with closing(Database.create(path)) as made, made.write() as session:
            set_meta(session, FINGERPRINT, empty_vault.fingerprint())
    return FrozenDatabase(path, what, refusal.hint)


def sweep(home: Home) -> None:
    """Delete what processes that were killed left; the caller owns the home."""
    for folder in home.cache.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)

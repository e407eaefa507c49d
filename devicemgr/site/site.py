"""One site, open: home, database, vault, ledger, and the parts that the composition root joins to them."""

import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from devicemgr.clock import mark
from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.domain.ports.recognition import Calibrator, Evaluator, FaceDesk, GalleryLoader
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import KeyMissing
from devicemgr.gallery.cache import GalleryKeeper
from devicemgr.home import Home
from devicemgr.ledger.sealer import Sealer
from devicemgr.ledger.spill_file import Spill
from devicemgr.ledger.writer import Ledger
from devicemgr.recovery import home_swap, quarantine
from devicemgr.recovery.read_only_database import open_frozen
from devicemgr.recovery.snapshots import Snapshots
from devicemgr.store import integrity
from devicemgr.store.database import FINGERPRINT, Database, get_meta, set_meta
from devicemgr.vault import Vault

_CLOSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Parts:
    """What lies outside the core; `encoder` and `opener` are `module:function` names for recognizer processes."""

    catalog: DriverCatalog
    faces: FaceDesk
    build_gallery: GalleryLoader
    model: str
    encoder: str
    opener: str
    udev_template: Traversable | None = None
    calibrate: Calibrator | None = None
    evaluate: Evaluator | None = None
    own_encoder: str = ""

    def encoder_of(self, own: FaceModel | None) -> str:
        """Return what a recognizer's process builds; `own_encoder` takes the model as its argument."""
        return self.encoder if own is None else f"{self.own_encoder}={own.model_dump_json()}"


@dataclass(frozen=True, slots=True)
class Site:
    """An initialized home and everything that stands on it."""

    home: Home
    database: Database
    vault: Vault
    ledger: Ledger
    gallery: GalleryKeeper
    parts: Parts
    sealer: Sealer
    clock: WallClock
    snapshots: Snapshots

    def close(self) -> None:
        """Let go of database and helpers; a helper with a photo in work ends by itself when this process does."""
        closing = threading.Thread(target=self.parts.faces.close, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        self.database.close()


def initialize(home: Home) -> bool:
    """Make or migrate the home: key, then database; True when it was new; AlreadyRunning beneath an older daemon."""
    home.make()
    finish_restore(home)
    if why := quarantine.trouble(home):
        raise quarantine.unusable(home, why)
    require_own_key(home, damaged=False)
    new = not home.database.exists()
    vault = None if new and not home.key.exists() and not home.has_credential else _any_vault(home)
    vault = vault or Vault.create(home.key)
    with closing(Database.create(home.database, alone=home.taken)) as database:
        with database.write(changes_site=False) as session:
            if get_meta(session, FINGERPRINT) is None:
                set_meta(session, FINGERPRINT, vault.fingerprint())
        with suppress(KeyMissing):  # `audit verify` and `status` report a key that is gone; it is no reason not to run
            if not home.seal_key.exists():
                Sealer(home, database).seal()
    return new


def finish_restore(home: Home) -> None:
    """Finish a restore that was killed in its last moment, which must never look like a home without a database."""
    if home_swap.is_under_way(home):
        with home.taken():
            home_swap.finish(home)


def require_own_key(home: Home, *, damaged: bool) -> None:
    """Raise KeyMissing unless there is a key for what the home holds; changes nothing.

    A home without database, snapshot and key is new and needs none. For a damaged database, whose word is worth
    nothing, any key that is whole will do: whose it is shows when there is something to open.
    """
    if not (home.database.exists() or home.snapshot.exists() or home.key.exists() or home.has_credential):
        return
    wanted = None if damaged else integrity.fingerprint(home.database)
    if wanted is None:
        _any_vault(home)
    else:
        _vault_of(home, wanted)


def load_vault(home: Home, database: Database) -> Vault:
    """Return the vault of this database; KeyMissing when the key is absent, too open, or another's."""
    with database.read() as session:
        wanted = get_meta(session, FINGERPRINT)
    path, vault = _vault_of(home, wanted)
    if path == home.new_key:  # a rotation was killed after its commit
        with suppress(FileNotFoundError):
            home.new_key.replace(home.key)
    return vault


def _vault_of(home: Home, wanted: str | None) -> tuple[Path, Vault]:
    """Return the key with this fingerprint and its file; KeyMissing when there is none."""
    found, first_error = _vaults(home)
    for path, vault in found.items():
        if vault.fingerprint() == wanted:
            return path, vault
    raise first_error or KeyMissing(f"{home.key} is not this database's key; restore both from the same backup")


def _vaults(home: Home) -> tuple[dict[Path, Vault], KeyMissing | None]:
    """Return the keys there are, by file, and what is wrong with the first one that can't be used.

    What lies in the place of a rotation's new key counts only if it is a key: it may be anything else.
    """
    found: dict[Path, Vault] = {}
    first_error: KeyMissing | None = None
    places = [home.credential] if home.credential and home.has_credential else []
    places += [home.key] if home.key.exists() or not places else []
    for path in places:
        try:
            found[path] = Vault.load(path, credential=path == home.credential)
        except KeyMissing as error:
            first_error = first_error or error
    with suppress(KeyMissing):
        found[home.new_key] = Vault.load(home.new_key)
    return found, first_error


def _any_vault(home: Home) -> Vault:
    """Return a key that can be used, where no database says which; KeyMissing without one."""
    found, first_error = _vaults(home)
    found.pop(home.new_key, None)
    if first_error is not None:
        raise first_error
    return next(iter(found.values()))


def _database(home: Home, without_people: bool) -> Database:
    if why := quarantine.trouble(home):
        return open_frozen(home, why, empty_vault=_any_vault(home) if without_people else None)
    database = Database.open(home.database)
    with database.closed_on_failure():
        database.require_current()
    return database


def open_site(home: Home, parts: Parts, *, without_people: bool = False) -> Site:
    """Open an initialized home, or its snapshot; NotInitialized, KeyMissing or StorageFailed say what to do.

    With `without_people`, a home without a usable database and snapshot opens with no one known.
    """
    finish_restore(home)
    database = _database(home, without_people)
    with database.closed_on_failure():
        vault = load_vault(home, database)
        with database.read() as session:
            clock = WallClock(mark.load(session))
    database.clock = clock
    gallery = GalleryKeeper(database, vault, parts.build_gallery, parts.model, home.cache / "gallery.sealed")
    ledger = Ledger(database, Spill(home.spill, home.spill_key))
    return Site(home, database, vault, ledger, gallery, parts, Sealer(home, database), clock, Snapshots(home))

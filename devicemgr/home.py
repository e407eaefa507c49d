"""The home folder: where database, keys, socket and lock lie, and who may own it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from devicemgr.errors import AlreadyRunning, Hint, StorageFailed

SHARED_SOCKET = "DEVICEMGR_SOCKET"
"""The variable that tells operators, who may not look into the home, where the daemon has its socket for them."""
LONGEST_ADDRESS = 107  # sun_path of unix(7), with its closing zero


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one folder."""

    path: Path

    @classmethod
    def find(cls, chosen: str | None) -> "Home":
        """`chosen` (--home), else DEVICEMGR_HOME, else the platform's data folder."""
        found = chosen or os.environ.get("DEVICEMGR_HOME") or platformdirs.user_data_dir("devicemgr")
        return cls(Path(found).expanduser().absolute())

    @property
    def database(self) -> Path:
        """Return the SQLite file."""
        return self.path / "devicemgr.db"

    @property
    def key(self) -> Path:
        """Return the master key, 0600, outside the database."""
        return self.path / "keys" / "master.key"

    @property
    def new_key(self) -> Path:
        """A key that a rotation is about to put in the master key's place."""
        return self.path / "keys" / "master.key.new"

    @property
    def credential(self) -> Path | None:
        """Return the master key as systemd hands it to the service (LoadCredentialEncrypted=devicemgr.key:…)."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        return Path(folder) / "devicemgr.key" if folder else None

    @property
    def has_credential(self) -> bool:
        """Return whether systemd has handed one over."""
        return self.credential is not None and self.credential.exists()

    @property
    def seal_key(self) -> Path:
        """Return the key of the ledger's next seal, 0600, outside the database."""
        return self.path / "keys" / "seal.key"

    @property
    def snapshot(self) -> Path:
        """Return the last good copy of the database."""
        return self.path / "snapshot" / "devicemgr.db"

    @property
    def quarantine(self) -> Path:
        """Databases that could not be trusted, a folder each."""
        return self.path / "quarantine"

    @property
    def spill(self) -> Path:
        """Where events wait while the database refuses."""
        return self.path / "spill.log"

    @property
    def spill_key(self) -> Path:
        """Authenticates the spill file, 0600."""
        return self.path / "keys" / "spill.key"

    @property
    def inbox(self) -> Path:
        """Return the drop folder: where others put the files of sources."""
        return self.path / "inbox"

    @property
    def plans(self) -> Path:
        """Return the folder of the plans' pictures, under names of our own."""
        return self.path / "plans"

    @property
    def reserve(self) -> Path:
        """A little room for the day the disk is full."""
        return self.path / "reserve"

    @property
    def socket(self) -> Path:
        """Return the daemon's Unix socket."""
        return self.path / "devicemgr.sock"

    @property
    def lock(self) -> Path:
        """Held by the daemon while it runs."""
        return self.path / "daemon.lock"

    @property
    def cache(self) -> Path:
        """Return what can be made again: the converted face network."""
        return self.path / "cache"

    def make(self) -> None:
        """Create the folder, 0700; StorageFailed when that can't be, or it can't be looked into."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.database.exists()
        except OSError as error:
            raise StorageFailed(
                f"cannot make the home folder {self.path} ({error.strerror})", hint=Hint("choose_home")
            ) from error

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Own this home for a while, as `take` does."""
        descriptor = self.take()
        try:
            yield
        finally:
            os.close(descriptor)

    def take(self) -> int:
        """Own this home as its one daemon: a locked descriptor to keep open; AlreadyRunning otherwise."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StorageFailed(
                f"cannot open {self.lock} ({error.strerror})", advice="check the home folder"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyRunning(
                f"a daemon already runs on {self.path}; stop it first", hint=Hint("choose_home")
            ) from error
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # its owner is only shown; the disk may be full
            os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor


@lru_cache
def socket_address(path: Path) -> str:
    """`path` for bind or connect: by way of its open folder where it is longer than a socket's address holds."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        return str(path)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{folder}/{path.name}"

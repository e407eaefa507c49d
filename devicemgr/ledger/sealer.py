"""Seal the ledger's head: the key in a file beside the database, the head sent to places outside it.

The key file is written before the seal's row, and carries that seal: whichever way a crash falls, the next start
finds the key of the next seal, and the seal that was being stored. Since the key file counts seals too, a database
from yesterday does not fit it.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devicemgr.atomic_files import replace_durably
from devicemgr.domain import ledger_seals
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import DevicemgrError, Hint, KeyMissing, StorageFailed
from devicemgr.home import Home
from devicemgr.ledger import anchors, restorations
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events, seals as rows
from devicemgr.store.site import settings
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Removed:
    """Retention has removed the events up to `through`, whose hash was `head`, at `at` (RFC 3339)."""

    through: int
    head: str
    at: str


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key of the next seal and its number, the public root, the newest seal, and how far retention came."""

    number: int
    private: Ed25519PrivateKey
    root: str
    newest: Seal | None
    removed: Removed | None = None

    def dump(self) -> bytes:
        """Return the file's content."""
        return json.dumps(
            {
                "number": self.number,
                "private": self.private.private_bytes_raw().hex(),
                "root": self.root,
                "newest": self.newest.as_json() if self.newest else None,
                "removed": asdict(self.removed) if self.removed else None,
            }
        ).encode()


def read_key(path: Path) -> KeyFile | None:
    """Return the key file; None when there is none; KeyMissing when it is damaged."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(found["private"]))
        newest = Seal(**found["newest"]) if found["newest"] else None
        removed = Removed(**found["removed"]) if found.get("removed") else None
        bytes.fromhex(removed.head if removed else "")
        return KeyFile(int(found["number"]), private, str(found["root"]), newest, removed)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyMissing(f"cannot read {path} ({error.strerror}); restore it from its backup") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeyMissing(f"{path} is damaged; restore it from its backup") from error


class Sealer:
    """Sealer of one process; a file lock keeps two processes apart."""

    def __init__(self, home: Home, database: Database) -> None:
        self._home = home
        self._database = database
        self._tried = 0.0
        self.failing: str | None = None

    def seal_often(self) -> None:
        """Seal when it is time to; a failure is logged once, and kept in `failing`."""
        if time.monotonic() - self._tried < EVERY_S or self._database.frozen:
            return
        self._tried = time.monotonic()
        try:
            self.seal()
            self.failing = None
        except DevicemgrError as error:
            if str(error) != self.failing:
                log.error("the ledger could not be sealed: %s", error)
            self.failing = str(error)

    def seal(self) -> Seal | None:
        """Seal the head, if anything was recorded since the last seal; the seal in force."""
        if self._database.frozen:
            raise self._database.refusal()
        with self.alone():
            key = self._key()
            with self._database.read() as session:
                seq, head = events.head(session)
                places = settings.load(session).anchors
            if key.newest is not None and key.newest.seq == seq and key.newest.head == head:
                return key.newest
            if key.newest is not None and seq < key.newest.seq:
                raise StorageFailed("the events end before the last seal", hint=Hint("verify_audit"))
            seal, following = ledger_seals.sign(key.private, key.number, seq, head, rfc3339(datetime.now(UTC)))
            self._keep(KeyFile(key.number + 1, following, key.root, seal, key.removed))
            self._store(seal)
            for anchor in places:
                anchors.send(anchor, key.root, seal, self._home.path)
            return seal

    def remove_before(self, time: str) -> Removed | None:
        """Note that retention removes what was sealed before `time`, but never the last event; how far it reaches now.

        The deletion of events reads it from the key file, so that a kill in between is made up for.
        """
        with self.alone():
            key = self._key()
            with self._database.read() as session:
                seal = rows.newest_before(session, time, events.head(session)[0])
            if seal is not None and seal.seq > (key.removed.through if key.removed else 0):
                key = replace(key, removed=Removed(seal.seq, seal.head, rfc3339(datetime.now(UTC))))
                self._keep(key)
            return key.removed

    def begin_new_chain(self, session: Session) -> dict[str, Any]:
        """For a database that lost events that were sealed: another chain of seals, under another root.

        `session` in the write transaction that records it; what the chain before ended with, and both roots.
        """
        with self.alone():
            before = read_key(self._home.seal_key)
            private = ledger_seals.new_key()
            root = ledger_seals.public_hex(private)
            rows.clear(session)
            removed = before.removed if before else None
            if removed is not None and events.head(session)[0] <= removed.through:
                removed = None  # the database goes back to before that
            self._keep(KeyFile(1, private, root, None, removed))
        last = before.newest if before else None
        signed = restorations.hand_over(before.private, before.number, before.root, root) if before else None
        return {
            "root_before": before.root if before else None,
            "root": root,
            "handover": signed,
            "sealed": {"number": last.number, "seq": last.seq, "head": last.head, "at": last.time} if last else None,
        }

    def _key(self) -> KeyFile:
        key = read_key(self._home.seal_key)
        with self._database.read() as session:
            stored = rows.last(session)
        if key is None:
            if stored is not None:
                raise KeyMissing(f"{self._home.seal_key} is gone; restore it from its backup")
            private = ledger_seals.new_key()
            key = KeyFile(1, private, ledger_seals.public_hex(private), None)
            self._keep(key)
        elif key.newest is not None and (stored is None or stored.number == key.newest.number - 1):
            self._store(key.newest)  # a crash came between the key file and the row
        elif key.newest != stored:
            raise StorageFailed("the database is not the one that was sealed last", hint=Hint("verify_audit"))
        return key

    def _keep(self, key: KeyFile) -> None:
        replace_durably(self._home.seal_key, key.dump())

    def _store(self, seal: Seal) -> None:
        with self._database.write(changes_site=False) as session:
            rows.add(session, seal)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process from sealing."""
        try:
            self._home.seal_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._home.seal_key.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed(f"cannot use the folder of the keys ({error.strerror}); check who owns it") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

"""Opening, migrating and using the database; low-level errors become StorageFailed here, once."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, Integer, String, cast, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import AlreadyExists, DatabaseDamaged, DatabaseNewer, Hint, NotInitialized, StorageFailed
from devicemgr.store import sqlite
from devicemgr.store.sqlite_errors import storage_failure
from devicemgr.store.tables import Base, MetaRow
from devicemgr.store.write_turns import WriteTurns

__all__ = [
    "FINGERPRINT",
    "REVISION",
    "Database",
    "Session",
    "clock_of",
    "get_meta",
    "raise_revision",
    "revision",
    "set_meta",
]

log = logging.getLogger(__name__)

_MIGRATIONS = "devicemgr.store:migrations"  # a package and its folder: Alembic looks by importlib.resources
REVISION = "revision"
FINGERPRINT = "vault_fingerprint"
_CLOCK = "clock"
APPENDED = "appended"  # in a session's info: the events of the ledger that its transaction commits
_RAISE = (
    update(Base.metadata.tables[MetaRow.__tablename__])
    .where(MetaRow.key == REVISION)
    .values(value=cast(cast(MetaRow.value, Integer) + 1, String))
    .returning(MetaRow.key)
)


class Database:
    """One open database; `read` and `write` give a session with a transaction around it.

    `frozen` says why nothing can be changed, and what to do, where that is so. `clock` is the one that rights go by;
    consents and approvals in the store are judged by it too. `on_events` is called with the events of the ledger that
    a transaction has committed, on the thread that did; it must neither block nor raise.
    """

    frozen: str | None = None
    frozen_hint: Hint | None = None

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = WallClock()
        self.on_events: Callable[[Sequence[Entry]], None] | None = None
        self._turns = WriteTurns()
        self._owes_wiping = False

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open the existing file at `path`, of whatever version."""
        if not _exists(path) and path.with_name("quarantine").is_dir():
            raise StorageFailed("the database was quarantined", hint=Hint("show_status"))
        if not _exists(path):
            raise NotInitialized(f"there is no database in {path.parent}", hint=Hint("make_home"))
        return cls(sqlite.open_engine(path))

    @classmethod
    def open_unchanged(cls, path: Path) -> "Database":
        """Open a file that may be damaged, to look at it: nothing is written into it."""
        return cls(sqlite.open_unchanged(path))

    @classmethod
    def create(cls, path: Path, alone: Callable[[], AbstractContextManager[None]] = nullcontext) -> "Database":
        """Open the file at `path`, made when absent, and migrate it; while it migrates, `alone` keeps others off."""
        database = cls(sqlite.open_engine(path))
        with database.closed_on_failure():
            if database._version() != _head():
                with alone():
                    database.migrate()
        return database

    @contextmanager
    def closed_on_failure(self) -> Iterator[None]:
        """Close the database when the block raises, so that no connection outlives a start that failed."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def pending_migration(self) -> tuple[str | None, str] | None:
        """Return the versions from and to which `migrate` would go, or None; DatabaseNewer for one that is newer."""
        found = self._version()
        _require_known(found)
        return None if found == _head() else (found, _head())

    def migrate(self) -> None:
        """Bring the schema to this version, in one transaction; DatabaseNewer for one that is newer."""
        with _translated(), self.engine.connect().execution_options(**sqlite.IMMEDIATE) as connection:
            config, began = _alembic(connection), time.monotonic()
            with connection.begin():
                with _knowing_its_version():
                    found = MigrationContext.configure(connection).get_current_revision()
                    _require_known(found)
                command.upgrade(config, "head")
        if found not in (None, _head()):
            took = time.monotonic() - began
            log.info("migrated the database from version %s to %s in %.1f s", found, _head(), took)

    def refusal(self) -> StorageFailed:
        """Return the error of a change while the database is frozen."""
        return StorageFailed(self.frozen or "", hint=self.frozen_hint)

    def require_current(self) -> None:
        """NotInitialized unless the schema is this version's, DatabaseNewer where it is a later one's."""
        found = self._version()
        _require_known(found)
        wanted = _head()
        if found != wanted:
            raise NotInitialized(
                f"the database is of version {found}, this program of {wanted}", hint=Hint("migrate_home")
            )

    def _version(self) -> str | None:
        with _translated(), _knowing_its_version(), self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one consistent state and writes nothing."""
        with _translated(), Session(self.engine, expire_on_commit=False, info={_CLOCK: self.clock}) as session:
            yield session

    @contextmanager
    def read_as_stored(self) -> Iterator[Session]:
        """As `read`, for checks of the rows: a text that is not UTF-8 is given as it is, not refused."""
        with (
            _translated(),
            self.engine.connect() as connection,
            sqlite.texts_as_stored(connection),
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session

    @contextmanager
    def write(
        self, *, changes_site: bool = True, patience_s: float = sqlite.BUSY_TIMEOUT_MS / 1000, is_urgent: bool = False
    ) -> Iterator[Session]:
        """Yield a session committed durably at the end, all or nothing; `changes_site` tells a running daemon to look.

        `patience_s` is how long other writers may take. An urgent one comes next, however many wait.
        """
        with (
            _translated(),
            self._turns.taken(patience_s, is_urgent=is_urgent) as left_s,
            self.engine.connect().execution_options(**sqlite.immediate(left_s)) as connection,
            connection.begin(),
            Session(connection, expire_on_commit=False, info={_CLOCK: self.clock}) as session,
        ):
            yield session
            if changes_site:
                raise_revision(session)
            session.flush()
        if self.on_events is not None and (entries := session.info.get(APPENDED)):
            self.on_events(entries)

    def forget(self) -> bool:
        """Make what was deleted unreadable in the files too; False when others' reads keep that for later."""
        with _translated():
            self._owes_wiping = True
            self._owes_wiping = not sqlite.wipe_log(self.engine)
            return not self._owes_wiping

    def forget_later(self) -> None:
        """Try again what `forget` could not do; nothing when it owes nothing."""
        if self._owes_wiping:
            self.forget()

    def damage(self, seconds: float | None = None) -> tuple[str | None, bool]:
        """Return what the database's own check finds wrong, or None, and whether it reached the end in `seconds`."""
        with _translated():
            return sqlite.damage(self.engine, seconds)


@contextmanager
def _knowing_its_version() -> Iterator[None]:
    try:
        yield
    except CommandError as error:  # Alembic's, for a version table that holds several rows
        raise DatabaseDamaged(
            "the database is damaged (it does not say its version); restore the last backup"
        ) from error


def _require_known(found: str | None) -> None:
    if found is not None and found not in _versions():
        raise DatabaseNewer(f"the database is of version {found}, newer than this program; install the newer devicemgr")


def get_meta(session: Session, key: str) -> str | None:
    """Return a single stored value."""
    row = session.get(MetaRow, key)
    return row.value if row else None


def clock_of(session: Session | None) -> WallClock:
    """Return the clock that rights go by, of the session's database."""
    found = session.info.get(_CLOCK) if session is not None else None
    return found if isinstance(found, WallClock) else WallClock()


def set_meta(session: Session, key: str, value: str) -> None:
    """Store a single value."""
    session.merge(MetaRow(key=key, value=value))


def revision(session: Session) -> int:
    """Return the revision, which each change of people or site raises."""
    return int(get_meta(session, REVISION) or 0)


def raise_revision(session: Session) -> None:
    """Record that people or site changed, so that every reader of the store looks again."""
    if session.scalar(_RAISE) is None:
        set_meta(session, REVISION, "1")


def _alembic(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _head() -> str:
    return _versions()[0]


@cache
def _versions() -> tuple[str, ...]:
    # The newest first; to find them, each migration is compiled.
    return tuple(script.revision for script in ScriptDirectory.from_config(_alembic(None)).walk_revisions())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AlreadyExists(f"the change contradicts what is stored ({error.orig})") from error
    except DBAPIError as error:
        raise storage_failure(error.orig or error) from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StorageFailed(
            f"cannot look at {path} ({error.strerror})", advice="check who owns the home folder"
        ) from error

"""The tables of what devices remember, report as lasting, and hold of people."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from devicemgr.store.tables import Base


class CursorRow(Base):
    """The serial of the last event of a device's own memory that is in the ledger; `log` tells its memories apart."""

    __tablename__ = "cursors"
    device_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    log: Mapped[str] = mapped_column(String(32), primary_key=True, default="", server_default="")
    serial: Mapped[int]


class ConditionRow(Base):
    """A lasting state that stands: an active fire input, a forced door, an open case (events.Condition)."""

    __tablename__ = "conditions"
    device_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    channel: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    input: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[str] = mapped_column(String(32))
    cause: Mapped[str] = mapped_column(String(300))
    # Whether the device reports the end; what it does not end, a guard's mode command or time does.
    lasting: Mapped[bool] = mapped_column(default=True)


class HoldingRow(Base):
    """What a device holds, or shall, of whom: by the device's key and the person's random id, which may be erased."""

    __tablename__ = "holdings"
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    state: Mapped[str] = mapped_column(String(12))
    digest: Mapped[str | None] = mapped_column(String(32))
    seen: Mapped[str | None] = mapped_column(String(32))
    face: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(String(300))
    at: Mapped[str] = mapped_column(String(32))

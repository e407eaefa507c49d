"""The table of alarms, kept by the transactions of their events."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from devicemgr.store.tables import Base


class AlarmRow(Base):
    """An alarm that is listed (domain.rules.alarms.Alarm)."""

    __tablename__ = "alarms"
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(200), primary_key=True)
    priority: Mapped[int]
    active: Mapped[bool]
    since: Mapped[str] = mapped_column(String(32))
    count: Mapped[int]
    seq: Mapped[int]
    cause: Mapped[str] = mapped_column(String(300))
    device: Mapped[str | None] = mapped_column(String(63))
    acknowledged_by: Mapped[str | None] = mapped_column(String(80))
    acknowledged_at: Mapped[str | None] = mapped_column(String(32))
    comment: Mapped[str | None] = mapped_column(String(500))
    escalated: Mapped[bool] = mapped_column(default=False)

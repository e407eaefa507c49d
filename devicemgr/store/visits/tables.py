"""The table of visits."""

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from devicemgr.store.tables import Base


class VisitRow(Base):
    """The visit of a person of kind visitor, whose row holds name, host and validity.

    `levels` were given with it, `seq` is the last event that was looked at, `how` says how it `ended`.
    """

    __tablename__ = "visits"
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    levels: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[str] = mapped_column(String(32))
    arrived: Mapped[str | None] = mapped_column(String(32))
    inside: Mapped[bool] = mapped_column(default=False)
    overdue: Mapped[str | None] = mapped_column(String(32))
    ended: Mapped[str | None] = mapped_column(String(32), index=True)
    how: Mapped[str | None] = mapped_column(String(16))
    seq: Mapped[int]

"""The table of outlets."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from devicemgr.store.tables import Base


class OutletRow(Base):
    """Where events leave to: `stated` as the site's file has it, without the secret, which the vault has sealed.

    `cursor` is the seq of the last event that was given out or left out. `state` holds what the last tries left:
    `failing_since`, `error`, `stopped` (why it waits for a person), `tries` of the event that fails;
    and of mails, by `outlets/mail/outbox.py`, what they hold behind the cursor and which reports have left.
    """

    __tablename__ = "outlets"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    stated: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    cursor: Mapped[int]
    # Raised by each change: what an outbox of an earlier one has come to is not stored any more.
    version: Mapped[int] = mapped_column(default=1)
    paused: Mapped[bool] = mapped_column(default=False)
    state: Mapped[dict[str, Any]] = mapped_column(JSON)

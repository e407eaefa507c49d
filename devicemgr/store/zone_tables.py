"""The tables of zones, interlocks, threats and plans, of who is where as the ledger was last folded, and of musters."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from devicemgr.store.tables import Base


class ZoneRow(Base):
    """A zone; `rules` holds the fields of domain.zones.Zone that are not as by default."""

    __tablename__ = "zones"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    parent: Mapped[str | None] = mapped_column(ForeignKey("zones.name"))
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)


class InterlockRow(Base):
    """A group of portals of which at most one is not shut."""

    __tablename__ = "interlocks"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    portals: Mapped[list[str]] = mapped_column(JSON)
    settle_seconds: Mapped[float]


class WhereaboutsRow(Base):
    """Where a person was last recorded, by random id; without a zone the place is unknown."""

    __tablename__ = "whereabouts"
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    zone: Mapped[str | None] = mapped_column(String(63))
    since: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]
    how: Mapped[str] = mapped_column(String(12))


class ZoneCountRow(Base):
    """How many people passed into a zone without a name, less those who left it so."""

    __tablename__ = "zone_counts"
    zone: Mapped[str] = mapped_column(String(63), primary_key=True)
    extra: Mapped[int]


class MusterRow(Base):
    """A muster: its list at the beginning, by random ids, and once it has ended what became of each."""

    __tablename__ = "musters"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    seq: Mapped[int]
    ended_seq: Mapped[int | None]
    roll: Mapped[dict[str, Any]] = mapped_column(JSON)


class ThreatRow(Base):
    """A threat that a guard can set; `rules` holds what is not as by default (store.areas.threats)."""

    __tablename__ = "threats"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)


class ThreatInForceRow(Base):
    """A threat in force, for which zones or the site, and the portals that a guard has freed in spite of it."""

    __tablename__ = "threats_in_force"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    scope: Mapped[list[str]] = mapped_column(JSON)
    since: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str | None] = mapped_column(String(80))
    freed: Mapped[list[str]] = mapped_column(JSON)


class PlanRow(Base):
    """A drawing of the site; `file` names its picture in the home, and `revision` counts its changes.

    `digest` is that of the picture as it is kept, `given` that of the file that it was made of.
    """

    __tablename__ = "plans"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[int]
    file: Mapped[str | None] = mapped_column(String(80))
    media: Mapped[str | None] = mapped_column(String(20))
    digest: Mapped[str | None] = mapped_column(String(64))
    given: Mapped[str | None] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    placements: Mapped[list[dict[str, Any]]] = mapped_column(JSON)

"""The tables, typed. Times are UTC RFC 3339 text, so that they sort, compare and hash alike on every database."""

from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, LargeBinary, MetaData, String, UniqueConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The declarative base; constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(naming_convention=_NAMING)


class MetaRow(Base):
    """Single values: the vault's fingerprint, the revision that every change of people or site raises."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]


class PersonRow(Base):
    """A cardholder."""

    __tablename__ = "people"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    badge: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    valid_from: Mapped[str | None] = mapped_column(String(32))
    valid_to: Mapped[str | None] = mapped_column(String(32))
    suspended: Mapped[bool] = mapped_column(default=False)
    # What suspended the person, where that ends by itself: "table", which no longer named them, or their "source".
    suspended_by: Mapped[str | None] = mapped_column(String(12))
    # The source that keeps the person, their id in it, and since when it does not name them.
    source: Mapped[str | None] = mapped_column(String(63), index=True)
    source_id: Mapped[str | None] = mapped_column(String(200))
    missing_since: Mapped[str | None] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(12), default="staff", server_default="staff")
    department: Mapped[str | None] = mapped_column(String(200))
    employee_id: Mapped[str | None] = mapped_column(String(64))
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(String(1000))
    # A random id, which a backup from before the host's erasure may bring back: no foreign key.
    host_id: Mapped[str | None] = mapped_column(String(36))
    escort: Mapped[bool] = mapped_column(default=False, server_default="0")
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Under which backups hold this person (people_keys.py), sealed by the vault; None until the first backup.
    backup_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created: Mapped[str] = mapped_column(String(32))
    host: Mapped["PersonRow | None"] = relationship(
        primaryjoin="foreign(PersonRow.host_id) == remote(PersonRow.id)", remote_side="PersonRow.id"
    )
    grants: Mapped[list["PersonLevelRow"]] = relationship(
        order_by="PersonLevelRow.level_name", cascade="all, delete-orphan"
    )
    consents: Mapped[list["ConsentRow"]] = relationship(order_by="ConsentRow.given", cascade="all, delete-orphan")
    templates: Mapped[list["TemplateRow"]] = relationship(order_by="TemplateRow.created", cascade="all, delete-orphan")
    samples: Mapped[list["SampleRow"]] = relationship(order_by="SampleRow.created", cascade="all, delete-orphan")
    credentials: Mapped[list["CredentialRow"]] = relationship(cascade="all, delete-orphan")


class CredentialRow(Base):
    """A card number (in clear) or a PIN (argon2id hash); `blocked` is when a card was blocked, such as a lost one.

    `until` is the end of a temporary card. `substitute` is the number of the person's temporary card that stands in for
    this one, and `replaced_by` the number of the card that took this one's place for good.
    """

    __tablename__ = "credentials"
    __table_args__ = (UniqueConstraint("kind", "value"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str] = mapped_column(String(200))
    created: Mapped[str] = mapped_column(String(32))
    blocked: Mapped[str | None] = mapped_column(String(32))
    blocked_reason: Mapped[str | None] = mapped_column(String(200))
    until: Mapped[str | None] = mapped_column(String(32))
    substitute: Mapped[str | None] = mapped_column(String(200))
    replaced_by: Mapped[str | None] = mapped_column(String(200))


class ConsentRow(Base):
    """A consent to face recognition, by its reference (the signed form) and the version of the notice that was read.

    It ends when it is withdrawn, at `until`, or when a newer one takes its place; `expired` is when one of the latter
    two was noted, so that a clock put back undoes nothing.
    """

    __tablename__ = "consents"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    reference: Mapped[str] = mapped_column(String(200))
    given: Mapped[str] = mapped_column(String(32))
    withdrawn: Mapped[str | None] = mapped_column(String(32))
    notice: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[str | None] = mapped_column(String(32))
    expired: Mapped[str | None] = mapped_column(String(32))


class TemplateRow(Base):
    """An embedding under its person's data key; `photo_mac` is keyed by it too, and the same for every model."""

    __tablename__ = "templates"
    # The index alone answers who has templates, without a look at the sealed ones.
    __table_args__ = (UniqueConstraint("person_id", "photo_mac", "model"), Index(None, "model", "person_id", "id"))
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"))
    model: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    photo_mac: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[str] = mapped_column(String(32))


class SampleRow(Base):
    """The face of an enrollment photo, kept where the site wants that, under its person's data key."""

    __tablename__ = "samples"
    __table_args__ = (UniqueConstraint("person_id", "photo_mac"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"))
    # Lists of people must not load their pictures.
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    photo_mac: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[str] = mapped_column(String(32))


class DeviceRow(Base):
    """How to reach a device; its password is sealed by the vault, bound to `id`."""

    __tablename__ = "devices"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    driver: Mapped[str] = mapped_column(String(63))
    address: Mapped[str] = mapped_column(String(500))
    username: Mapped[str | None] = mapped_column(String(200))
    sealed_password: Mapped[bytes | None] = mapped_column(LargeBinary)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    profile: Mapped[str | None] = mapped_column(String(63))


class ProfileRow(Base):
    """How devices shall be set up, as the site's file has it (profile.Profile)."""

    __tablename__ = "profiles"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    stated: Mapped[dict[str, Any]] = mapped_column(JSON)


class ProvisioningRow(Base):
    """How far a device was set up: `phase` is running, done or failed, `step` the last one that was begun."""

    __tablename__ = "provisionings"
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    profile: Mapped[str] = mapped_column(String(63))
    phase: Mapped[str] = mapped_column(String(12))
    step: Mapped[str] = mapped_column(String(60))
    at: Mapped[str] = mapped_column(String(32))


class DeviceSecretRow(Base):
    """A password made here for a user of a device, "" for our own login, sealed under device and user.

    It is stored before it is sent: `phase` is sent (the device may have it) or settled (it has).
    """

    __tablename__ = "device_secrets"
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    user: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    phase: Mapped[str] = mapped_column(String(12))


class PortalRow(Base):
    """A portal and the channel of the gate that opens it."""

    __tablename__ = "portals"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    gate_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    channel: Mapped[int] = mapped_column(default=1)
    fail: Mapped[str] = mapped_column(String(8))
    release_seconds: Mapped[float]
    mode: Mapped[str] = mapped_column(String(8))
    # SQLite keeps longer ones too, such as card+face+finger.
    require: Mapped[str] = mapped_column(String(12), default="any", server_default="any")
    liveness: Mapped[str] = mapped_column(String(12), default="off", server_default="off")
    frames: Mapped[int] = mapped_column(default=2, server_default="2")
    lane_group: Mapped[str] = mapped_column(String(63), default="", server_default="")
    console_liveness: Mapped[str] = mapped_column(String(8), default="require", server_default="require")
    # Names of zones; `outside` may also be the world outside, which has no row.
    outside: Mapped[str | None] = mapped_column(String(63))
    inside: Mapped[str | None] = mapped_column(String(63))
    egress: Mapped[bool] = mapped_column(default=False, server_default="0")
    people: Mapped[int] = mapped_column(default=1, server_default="1")
    people_within: Mapped[float] = mapped_column(default=10.0, server_default="10")
    people_exit: Mapped[bool] = mapped_column(default=False, server_default="0")
    # Names of levels.
    confirm_by: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    collects_cards: Mapped[bool] = mapped_column(default=False, server_default="0")
    # The name of the schedule in whose hours it is free, and of the levels of which one must have passed before.
    free: Mapped[str | None] = mapped_column(String(63))
    free_after: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    gate: Mapped[DeviceRow] = relationship()
    access_points: Mapped[list["AccessPointRow"]] = relationship(cascade="all, delete-orphan")


class AccessPointRow(Base):
    """One side of a portal, and the device and its reader, from 1, at which one presents there."""

    __tablename__ = "access_points"
    portal_name: Mapped[str] = mapped_column(ForeignKey("portals.name"), primary_key=True)
    direction: Mapped[str] = mapped_column(String(8), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    channel: Mapped[int] = mapped_column(primary_key=True, default=1, server_default="1")
    device: Mapped[DeviceRow] = relationship()


class SealRow(Base):
    """A seal over the ledger's head (seals.py)."""

    __tablename__ = "seals"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))
    time: Mapped[str] = mapped_column(String(32))
    next_key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))


class OperatorRow(Base):
    """Who may work with the daemon; `password` is an argon2id hash, which `password_reset_by` has set last."""

    __tablename__ = "operators"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    os_user: Mapped[str | None] = mapped_column(String(64), unique=True)
    password: Mapped[str | None] = mapped_column(String(200))
    created: Mapped[str] = mapped_column(String(32))
    created_by: Mapped[str | None] = mapped_column(String(80))
    password_reset: Mapped[str | None] = mapped_column(String(32))
    password_reset_by: Mapped[str | None] = mapped_column(String(80))
    tokens: Mapped[list["TokenRow"]] = relationship(order_by="TokenRow.created", cascade="all, delete-orphan")


class TokenRow(Base):
    """An API token, of which only the SHA-256 is kept; a kiosk's signs a display in, from `address` alone."""

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[str] = mapped_column(String(32))
    expires: Mapped[str] = mapped_column(String(32))
    made_by: Mapped[str | None] = mapped_column(String(80))
    kiosk: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    address: Mapped[str | None] = mapped_column(String(64))


class ApprovalRow(Base):
    """A request of one admin that another must approve (security/approvals.py)."""

    __tablename__ = "approvals"
    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(80))
    asked: Mapped[str] = mapped_column(String(32))
    approved_by: Mapped[str | None] = mapped_column(String(80))
    used: Mapped[str | None] = mapped_column(String(32))


class ScheduleRow(Base):
    """Weekly windows as text (`mon-fri 08:00-18:00`) in one IANA zone; holidays as ISO dates and `@calendar`."""

    __tablename__ = "schedules"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    timezone: Mapped[str] = mapped_column(String(64))
    windows: Mapped[list[str]] = mapped_column(JSON)
    holidays: Mapped[list[str]] = mapped_column(JSON)


class CalendarRow(Base):
    """Days as text (`2026-12-16 holiday Independence Day`), by date.

    A calendar that follows a file on a server has a `feed` (`site.hours.feeds.Feed`) and the last `reading` of it;
    `days` are those of the reading, and `by_hand` those that stand in their place.
    """

    __tablename__ = "calendars"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    days: Mapped[list[str]] = mapped_column(JSON)
    feed: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reading: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    by_hand: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))


class SourceRow(Base):
    """Where people come from by themselves: `stated` as the site's file has it, `state` as its last runs left it."""

    __tablename__ = "sources"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    stated: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class LevelRow(Base):
    """An access level; `waives` are names of checks (domain.zones.Waiver); False under `visitors` bars it to them."""

    __tablename__ = "levels"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    waives: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    visitors: Mapped[bool] = mapped_column(default=True, server_default="1")
    escorts: Mapped[bool] = mapped_column(default=False, server_default="0")
    escort_up_to: Mapped[int] = mapped_column(default=5, server_default="5")
    portals: Mapped[list["LevelPortalRow"]] = relationship(cascade="all, delete-orphan")


class LevelPortalRow(Base):
    """A portal that a level covers, always or under a schedule."""

    __tablename__ = "level_portals"
    level_name: Mapped[str] = mapped_column(ForeignKey("levels.name"), primary_key=True)
    portal_name: Mapped[str] = mapped_column(ForeignKey("portals.name"), primary_key=True)
    schedule_name: Mapped[str | None] = mapped_column(ForeignKey("schedules.name"))


class PersonLevelRow(Base):
    """Who holds which level, from and to when, and how many of its `uses` are left; without any of these for good."""

    __tablename__ = "person_levels"
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    level_name: Mapped[str] = mapped_column(ForeignKey("levels.name"), primary_key=True)
    valid_from: Mapped[str | None] = mapped_column(String(32))
    valid_to: Mapped[str | None] = mapped_column(String(32))
    uses: Mapped[int | None]
    uses_left: Mapped[int | None]
    used_up: Mapped[str | None] = mapped_column(String(32))


class DepartmentLevelRow(Base):
    """A level that all people of a department hold; departments are texts of people and have no table of their own."""

    __tablename__ = "department_levels"
    department: Mapped[str] = mapped_column(String(200), primary_key=True)
    level_name: Mapped[str] = mapped_column(ForeignKey("levels.name"), primary_key=True)


class EventRow(Base):
    """The ledger: `body` is the canonical JSON that is hashed, the columns beside it repeat it for searching."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "portal", "seq"), Index(None, "person_id", "seq"), Index(None, "kind", "seq"))
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    portal: Mapped[str | None] = mapped_column(String(63))
    person_id: Mapped[str | None] = mapped_column(String(36))
    request: Mapped[str | None] = mapped_column(String(36), index=True)
    body: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64))

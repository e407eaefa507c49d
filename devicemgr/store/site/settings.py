"""A site's settings: one JSON value, changed as a whole by `devicemgr apply`."""

import json
import logging
import re
from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.orm import Session

from devicemgr.domain.anchor_address import parse as parse_anchor
from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.rules.schedules import find_zone, parse_timezone
from devicemgr.errors import Hint, InvalidInput, SwitchedOff
from devicemgr.store.database import get_meta, set_meta

log = logging.getLogger(__name__)

_KEY = "settings"
_MINUTE_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class Settings(BaseModel):
    """What is set for the whole site; each field has the value that holds before anybody says anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    anchors: tuple[str, ...] = Field((), description="Where the seals are sent besides: file:/PATH, syslog:, https://…")
    on_storage_failure: Literal["deny", "allow_known"] = Field(
        "deny", description="While the database refuses: deny, or allow whom the spill file has recorded durably."
    )
    lock_without_fire_state: Literal["never"] | Annotated[int, Field(ge=0, le=86_400)] = Field(
        "never",
        description="While the state of a fire input is not known: never lock, or lock after so many seconds.",
    )
    notice: str = Field("", max_length=64, description="Version of the privacy notice that consents are given under.")
    consent_days: int = Field(0, ge=0, le=36500, description="For how long a consent holds; 0: until withdrawn.")
    keep_samples: bool = Field(False, description="Keep the faces of enrollment photos, sealed.")
    show_photos: bool = Field(
        False, description="Show a kept face beside decisions about that person to guards; needs keep_samples."
    )
    retention_days: int = Field(0, ge=0, le=36500, description="For how long events are kept; 0: for good.")
    samples_days: int = Field(0, ge=0, le=36500, description="For how long kept faces stay; 0: as long as the person.")
    visits_days: int = Field(
        30, ge=0, le=36500, description="After so many days visitors who left are erased; 0: never by itself."
    )
    consent_grace_days: int = Field(
        30, ge=0, le=36500, description="How long after its consent has ended a face waits for a new one, switched off."
    )
    lanes_side_by_side: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds in which who was granted at one lane of a group is not at another; 0: off.",
    )
    escalate_after: float = Field(
        120.0, ge=0, le=86_400, description="Seconds after which an alarm that no one acknowledged escalates; 0: never."
    )
    attendance: bool = Field(
        False, description="Reports may say when each person came and went; off, since a works council must agree."
    )
    day_starts: str = Field(
        "00:00", description="When a day of attendance begins, such as 05:00, by the clock of the site's zone."
    )
    timezone: str = Field("", description="Zone of dates without a time, such as Asia/Almaty; else this host's.")
    language: Literal["en", "ru", "kk"] = Field("en", description="Of the desk, where a browser asks for no other.")
    model: FaceModel | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        """Return the zone of dates that are written without one; None stands for this host's."""
        return find_zone(self.timezone) if self.timezone else None

    @property
    def day_begins(self) -> time:
        """Return the time of the clock at which a day of attendance begins."""
        return time.fromisoformat(self.day_starts)

    @field_validator("day_starts")
    @classmethod
    def _is_minute(cls, text: str) -> str:
        if not _MINUTE_OF_DAY.fullmatch(text):
            raise ValueError("write a time of day, such as 05:00")
        return text

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        if not name or find_zone(name) is not None:
            return name
        try:
            return parse_timezone(name)
        except InvalidInput as error:
            raise ValueError(str(error)) from error

    @property
    def fire_wait_s(self) -> float | None:
        """Seconds of `lock_without_fire_state`; None for "never"."""
        return None if self.lock_without_fire_state == "never" else float(self.lock_without_fire_state)

    @field_validator("anchors")
    @classmethod
    def _are_places(cls, anchors: tuple[str, ...]) -> tuple[str, ...]:
        for anchor in anchors:
            parse_anchor(anchor)
        return anchors


def load(session: Session) -> Settings:
    """Return the settings in force; what makes no sense is logged and counts as not set."""
    text = get_meta(session, _KEY)
    if text is None:
        return Settings()
    try:
        fields = json.loads(text)
        if "anchors" in fields:
            fields["anchors"] = [anchor for anchor in fields["anchors"] if _is_anchor(anchor)]
        if fields.get("timezone") and find_zone(fields["timezone"]) is None:
            log.error("this host does not know the zone %s; its own holds", fields.pop("timezone"))
        return Settings.model_validate(fields)
    except (ValueError, TypeError):
        log.error("the stored settings are damaged and were left out; apply the site's file again")
        return Settings()


def _is_anchor(anchor: str) -> bool:
    """Return True for an anchor; version 0.1.0 also let others in, which must not cost the site all other settings."""
    try:
        parse_anchor(anchor)
    except ValueError as error:
        log.error("Failed to read the stored anchor %s: %s; apply the site's file with another", anchor, error)
        return False
    return True


def save(session: Session, settings: Settings) -> None:
    """Put them in force with the transaction."""
    set_meta(session, _KEY, settings.model_dump_json(exclude_unset=True))


def require_attendance(session: Session) -> None:
    """Raise SwitchedOff unless the site lets reports say when people came and went."""
    if not load(session).attendance:
        raise SwitchedOff(
            "attendance is off on this site: when people came and went is not evaluated; an admin may switch it on "
            "once the works council, or all others who must agree, have agreed",
            code="attendance_off",
            hint=Hint("turn_on_attendance"),
        )

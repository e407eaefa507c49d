"""Shapes of what the routes of people, credentials, faces and the gallery take and answer."""

from typing import Annotated, Any

from pydantic import Field, SecretStr

from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.api.routes.visitors.models import VisitFields
from devicemgr.domain.rules.grants import GrantState
from devicemgr.domain.rules.person_details import FIELDS as DETAILS, PersonDetails
from devicemgr.people import face_enrollment
from devicemgr.people.level_grants import MAX_USES
from devicemgr.store.people.card_states import CardState

Badge = Annotated[str, Field(examples=["1042"], description="The badge number, which names a person.")]
Name = Annotated[str, Field(examples=["Aigul Serikova"])]
LevelNames = Annotated[list[str], Field(examples=[["office"]], description="Names of access levels.")]
GivenTime = Annotated[
    str | None,
    Field(examples=["2026-12-31T18:00:00+05:00"], description="RFC 3339, or a local date or time; none if absent."),
]


class DetailFields(RequestBody):
    """What HR keeps of a person."""

    kind: str | None = Field(None, examples=["staff"], description="staff, contractor or visitor.")
    department: str | None = Field(None, examples=["Warehouse"])
    employee_id: str | None = Field(None, examples=["E-1042"])
    email: str | None = Field(None, examples=["aigul@example.com"])
    phone: str | None = Field(None, examples=["+7 701 123 45 67"])
    note: str | None = Field(None, examples=["works at night"])
    host: str | None = Field(None, examples=["1001"], description="The badge of the person who answers for this one.")

    escort: bool | None = Field(None, description="Whether the person passes only with one who may escort.")

    def details(self) -> PersonDetails:
        """Return the details for a service."""
        return PersonDetails(**{name: getattr(self, name) for name in DETAILS}, escort=self.escort)


class PersonFields(DetailFields):
    """What a person has besides the badge."""

    name: Name
    levels: LevelNames = Field([])
    valid_from: GivenTime = None
    valid_to: GivenTime = None


class PersonReplace(PersonFields):
    """All of a person's fields; levels that are not named are revoked, what else is not given is removed."""


class PersonCreate(PersonFields):
    """A person to add."""

    badge: Badge


class PersonUpdate(DetailFields):
    """Fields to change; an absent one stays, an empty time or detail is removed."""

    name: Name | None = None
    badge: Badge | None = None
    valid_from: GivenTime = None
    valid_to: GivenTime = None


class Consent(ResponseBody):
    """A consent to face recognition."""

    reference: str = Field(examples=["form 12"], description="The signed form.")
    given: Time
    notice: str | None = Field(None, examples=["2026-11"], description="The version of the notice that was read.")
    until: Time | None = None


class ConsentRecord(Consent):
    """A consent with its end."""

    withdrawn: Time | None = None
    expired: Time | None = None


class BlockState(ResponseBody):
    """Since when a card is blocked, and why; for good, if another has replaced it."""

    since: Time
    reason: str | None
    replaced_by: str | None = Field(None, examples=["80:58401"])


class Substitute(ResponseBody):
    """The temporary card that stands in for a card, and its end."""

    number: str
    until: Time


class PersonCard(ResponseBody):
    """A card and its state."""

    number: str = Field(examples=["80:58400"])
    state: CardState
    until: Time | None = Field(None, description="The end of a temporary card.")
    blocked: BlockState | None = Field(None, description="Since when the card opens nothing.")
    substitute: Substitute | None = Field(
        None, description="What stands in for the card, which opens nothing until then."
    )


class GrantLimits(RequestBody):
    """From and to when a level is held, and for how many entries; without any of these for good."""

    valid_from: GivenTime = None
    valid_to: GivenTime = None
    uses: int | None = Field(None, ge=1, le=MAX_USES, examples=[1])


class LevelGrant(ResponseBody):
    """A level that a person holds for a time or a number of uses; one that is over is shown for 30 days."""

    level: str = Field(examples=["lab"])
    valid_from: Time | None
    valid_to: Time | None
    uses: int | None = Field(examples=[3])
    uses_left: int | None = Field(examples=[2], description="Each entry takes one, when its passage is recorded.")
    state: GrantState


class PersonSummary(ResponseBody):
    """What is shown of a cardholder in lists and copies."""

    badge: Badge
    name: Name
    levels: LevelNames
    grants: list[LevelGrant] = Field(description="Those of `levels` that have limits, and those that are over.")
    department_levels: LevelNames = Field(description="What the person holds by their department, beside `levels`.")
    valid_from: Time | None
    valid_to: Time | None
    suspended: bool
    escort: bool = Field(description="The person passes only together with one who may escort.")
    kind: str = Field(examples=["staff"], description="staff, contractor or visitor.")
    department: str | None
    employee_id: str | None
    email: str | None
    phone: str | None
    note: str | None
    host: str | None = Field(examples=["1001"], description="The badge of the person who answers for this one.")
    source: str | None = Field(examples=["hr"], description="The source that keeps this person; null for the site.")
    consent: Consent | None = Field(description="The consent in force.")
    samples_kept: int = Field(examples=[0])
    cards: list[str] = Field(examples=[["80:58400"]])
    card_states: list[PersonCard] = Field(description="The same cards, with what limits them.")
    pin: bool
    created: Time


class Person(PersonSummary):
    """A cardholder."""

    templates: int = Field(examples=[3], description="How many photos are enrolled.")


class TemplateRecord(ResponseBody):
    """A stored face template; `vector` only if two admins agreed."""

    model: str
    created: Time
    bytes: int
    vector: list[float] | None = None


class SampleRecord(ResponseBody):
    """A kept face of an enrollment photo."""

    created: Time
    jpeg: str = Field(description="JPEG, base64.")


class CredentialRecord(ResponseBody):
    """A card or a PIN; a PIN's number is not kept."""

    kind: str = Field(examples=["card"])
    created: Time
    number: str | None = Field(None, examples=["80:58400"])
    until: Time | None = Field(None, description="The end of a temporary card.")
    blocked: BlockState | None = Field(None, description="Since when the card opens nothing.")


class PersonExport(PersonSummary):
    """The data subject's copy: everything that is stored about a person."""

    id: str
    source_id: str | None = Field(description="The person's id in the source that keeps them.")
    missing_since: Time | None = Field(description="Since when that source does not name them.")
    host_of: list[str] = Field(description="Badges of those whose host the person is.")
    consents: list[ConsentRecord]
    templates: list[TemplateRecord]
    samples: list[SampleRecord]
    credentials: list[CredentialRecord]
    held_by_devices: list[str]
    in_backups: bool
    visit: VisitFields | None = Field(description="The visit of a visitor.")
    events: list[dict[str, Any]] = Field(description="As `GET /events`.")


class ErasedCounts(ResponseBody):
    """How much of a person was erased, by kind."""

    templates: int
    samples: int
    consents: int
    credentials: int


class PersonErased(ResponseBody):
    """An erasure; `verified` says that it was read back as gone."""

    badge: Badge
    erased: ErasedCounts
    devices: list[str] = Field(description="Devices that still hold the person, and are erased next.")
    verified: bool
    backups_closed: bool = Field(description="Backups made here show the person no more.")


class PinSet(RequestBody):
    """A PIN of 4 to 8 digits."""

    pin: SecretStr = Field(examples=["4711"])
    duress: bool = Field(False, description="The duress PIN, which differs from the PIN in two places or more.")


class PinState(ResponseBody):
    """Whether a person has a PIN."""

    badge: Badge
    pin: bool


class FaceAnalysis(ResponseBody):
    """What was found on a photo; `reasons` says why it is not fit."""

    ok: bool
    reasons: list[str] = Field(examples=[[]])
    box: list[int] | None = Field(None, examples=[[52, 231, 180, 103]], description="top, right, bottom, left.")
    face_px: int | float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    duplicate_of: str | None = Field(None, description="The badge of the person whose face it looks like.")
    photo: int | None = Field(None, description="Which of the photos it is, from 1.")


class FaceEnrollment(ResponseBody):
    """An enrollment: how many photos the person has now, and what was found on each new one."""

    badge: Badge
    templates: int
    skipped: int = Field(description="Photos that were enrolled already.")
    faces: list[FaceAnalysis]


class FaceWithdrawn(ResponseBody):
    """A withdrawn consent; `verified` says that nothing of the face is left in the files."""

    badge: Badge
    templates_erased: int
    verified: bool
    backups_closed: bool


class FaceMatch(ResponseBody):
    """The enrolled person on a photo, if there is one; a higher score is more alike."""

    badge: str | None
    score: float | None = None
    runner_up_score: float | None = None
    threshold: float | None = None
    reason: str | None = Field(None, examples=["unknown_face"])


class ConsentTerms(RequestBody):
    """The consent under which a face is used."""

    consent: str = Field(examples=["form 12"], description="The reference of the signed form.")
    notice: str | None = Field(None, examples=["2026-11"], description="The version of the notice that was read.")
    consent_until: GivenTime = None


class ConsentRenew(ConsentTerms):
    """A consent that is given again."""


class FaceEnroll(ConsentTerms):
    """Photos (base64) to enroll under a consent."""

    photos: list[str] = Field(min_length=1, max_length=face_enrollment.MAX_PHOTOS)
    allow_lookalike: bool = False
    bulk: bool = Field(
        False, description="It is part of an import: people who withdrew their consent are not enrolled again."
    )


class FaceCapture(ConsentTerms):
    """Pictures that a device of the site takes now, to enroll under a consent."""

    device: str = Field(examples=["cam-in"])
    pictures: int = Field(3, ge=1, le=face_enrollment.MAX_PHOTOS)
    seconds: float = Field(20.0, ge=1.0, le=60.0)
    allow_lookalike: bool = False


class PhotoUpload(RequestBody):
    """One photo (base64)."""

    photo: str


class CalibrationRequest(RequestBody):
    """The share of strangers who may be accepted, or one in so many `days` at `per_day` strangers a day."""

    fpir: float | None = Field(None, examples=[0.01])
    per_day: float | None = Field(None, ge=0.001, le=1_000_000)
    days: float | None = Field(None, ge=0.001, le=100_000)


class Interval(ResponseBody):
    """A measured value and its confidence interval."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Lookalikes(ResponseBody):
    """Two people whose faces the model takes for each other."""

    badges: list[str | None]
    excess: float


class Calibration(ResponseBody):
    """The threshold now in force, and the error rates measured on this site's people."""

    people: int
    templates: int | None = None
    tested: int
    fpir_target: float
    threshold: float
    table_threshold: float | None = None
    enough_people: bool | None = None
    fpir: Interval | None = None
    fnir: Interval | None = None
    lookalikes: list[Lookalikes]
    model: str
    per_day: float | None = None
    days_between: Interval | None = None


class MigrationRequest(RequestBody):
    """The face model to migrate to; `allow_missing` switches although some people have no kept photo."""

    model: str
    allow_missing: bool = False


class Migration(ResponseBody):
    """The face model in force, and the progress of a migration."""

    active: str
    before: list[str] = Field(description="The models that can be returned to.")
    target: str | None
    state: str = Field(examples=["idle"], description="idle, working, waiting or ready.")
    people: int | None = None
    done: int | None = None
    needs_enrollment: list[str] | None = Field(None, description="Badges of people without a kept photo.")
    waits_for: str | None = None
    templates_erased: int | None = None

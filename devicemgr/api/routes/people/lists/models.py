"""Shapes of the list of all people in few fields, and of what has changed in it."""

from pydantic import Field

from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.api.routes.people.models import Badge, LevelNames, Name


class PersonLine(ResponseBody):
    """A person in the list of all, with the fields by which a page finds them."""

    badge: Badge
    name: Name
    kind: str = Field(examples=["staff"], description="staff, contractor or visitor.")
    suspended: bool
    levels: LevelNames
    department: str | None
    department_levels: LevelNames = Field(description="What the person holds by their department, beside `levels`.")
    valid_from: Time | None
    valid_to: Time | None
    face: bool = Field(description="A face is enrolled, and the consent to it is in force.")
    cards: list[str] = Field(examples=[["80:58400"]])


class PeopleChanges(ResponseBody):
    """What has changed since a revision."""

    revision: int = Field(examples=[1742], description="To ask from the next time.")
    whole: bool = Field(
        description="`changed` is everyone: the revision is not known here, such as one from before a restart."
    )
    changed: list[PersonLine] = Field(description="People who were added or changed, as they are now.")
    removed: list[str] = Field(examples=[["1042"]], description="Badges that no person has any more.")

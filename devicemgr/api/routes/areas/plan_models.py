"""Bodies of plans."""

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.site.plans.service import MAX_PLACEMENTS, Kind, Placement


class Placements(RequestBody):
    """All that stands on a plan; `revision` is that of the plan with which it was opened."""

    revision: int | None = Field(None, ge=0, examples=[3], description="Refused when the plan was changed since.")
    placements: list[Placement] = Field(max_length=MAX_PLACEMENTS)


class PlanPicture(ResponseBody):
    """The picture of a plan, as it is kept."""

    type: str = Field(examples=["image/png"])
    width: int = Field(examples=[1200], description="Pixels, or units of an SVG drawing.")
    height: int = Field(examples=[800])
    sha256: str = Field(description="Of the picture as it is kept.")
    source_sha256: str = Field(description="Of the file that was sent.")


class Placed(ResponseBody):
    """Where something stands on a plan, in per cent of its width and height; an area of a zone has its corners."""

    kind: Kind
    name: str = Field(examples=["main"])
    x: float = Field(examples=[42.5])
    y: float = Field(examples=[61.0])
    rotation: float = Field(examples=[90.0], description="Degrees, clockwise.")
    points: list[tuple[float, float]] = Field([], examples=[[[10, 10], [40, 10], [40, 40]]])


class Plan(ResponseBody):
    """A drawing of the site with what stands on it."""

    name: str = Field(examples=["ground"])
    revision: int = Field(examples=[3], description="Counts the changes of this plan.")
    picture: PlanPicture | None
    placements: list[Placed]


class PlanSummary(ResponseBody):
    """A plan without its placements."""

    name: str = Field(examples=["ground"])
    revision: int
    picture: PlanPicture | None
    placed: int = Field(description="How many things stand on it.")

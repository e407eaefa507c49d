"""Shapes of what the routes of visitors and the copies of people answer."""

from pydantic import Field

from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.domain.rules.visits.states import VisitState


class VisitFields(ResponseBody):
    """A visit: who comes to whom, from and to when, and when the visitor came and went."""

    badge: str = Field(examples=["V-000123"])
    name: str = Field(examples=["Ivan Petrov"])
    state: VisitState
    host: str | None = Field(examples=["1001"], description="The badge of the host; null once they are erased.")
    host_name: str | None
    host_problem: str | None = Field(
        examples=["suspended"], description="Why the host can't answer for the visitor, who does not enter then."
    )
    valid_from: Time | None
    valid_to: Time | None
    levels: list[str] = Field(examples=[["office"]], description="What was given with the visit.")
    cards: list[str] = Field(examples=[["80:58400"]], description="What the visitor has now.")
    escort: bool
    arrived: Time | None
    inside: bool
    left: Time | None
    cancelled: Time | None
    ended_by: str | None = Field(examples=["desk"], description="desk, card_returned, cancelled or missed.")

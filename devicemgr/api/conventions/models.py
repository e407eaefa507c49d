"""Shapes that several routes share, and the base of all of them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Time = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-12-16T08:30:00.000000Z"]})
]
"""An RFC 3339 time in UTC, as the store keeps it."""

Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-16"]})]
"""A date of the calendar, ISO 8601."""


HolidayEntry = Annotated[str, WithJsonSchema({"type": "string", "examples": ["2026-12-16", "@kz"]})]
"""A holiday of a schedule: a date of the calendar, or `@NAME` for the days of a calendar."""


class RequestBody(BaseModel):
    """Base of what a client sends: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResponseBody(BaseModel):
    """Base of what the API answers. Later versions may add fields; clients ignore those that they do not know."""

    model_config = ConfigDict(extra="allow")


class HintBody(ResponseBody):
    """What to do next, as a code with arguments; the command line says it with the command that does it."""

    code: str = Field(examples=["list_devices"])
    args: dict[str, Any] = Field(examples=[{}])


class Problem(ResponseBody):
    """An RFC 9457 problem document. Clients that translate use `code` and `args`; `detail` is English."""

    type: str = Field(examples=["urn:devicemgr:problem:not-found"])
    title: str = Field(examples=["not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no device 'gate-9'"])
    code: str = Field(examples=["device_not_found"], description="What happened; the same in every language.")
    args: dict[str, Any] = Field(examples=[{"name": "gate-9"}], description="The values that `detail` mentions.")
    hint: HintBody | None = Field(None, description="What to do next, where there is something.")
    exit_code: int = Field(examples=[1], description="The exit code with which the command line ends.")
    faces: list[dict[str, Any]] | None = Field(None, description="With a refused photo: one analysis for each photo.")


class Removed(ResponseBody):
    """What was removed."""

    name: str = Field(examples=["gate-1"])
    removed: bool = Field(examples=[True])

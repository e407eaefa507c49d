"""Options of a device, as the core reads them, and fields that several kinds share."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from devicemgr.domain.ports.options import read_options

__all__ = ["ZoneName", "read_options"]


def _require_zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError("is no IANA time zone such as Asia/Almaty")
    return name


ZoneName = Annotated[str, Field(max_length=64), AfterValidator(_require_zone)]
"""The IANA name of a time zone; empty for one that is left out."""

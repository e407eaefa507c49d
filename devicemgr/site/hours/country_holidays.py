"""Public holidays of a country by the tables of the package `holidays`, without a network."""

from collections.abc import Sequence
from datetime import date

import holidays

from devicemgr.domain.model import CalendarDay, DayKind
from devicemgr.domain.rules.calendars import MAX_NAME_CHARS
from devicemgr.errors import InvalidInput
from devicemgr.site.hours.icalendar_file import YEARS_AHEAD
from devicemgr.text import safe, single_line


def read_country_holidays(code: str, today: date) -> Sequence[CalendarDay]:
    """Return the holidays of this year and the next two; `KZ` is a country, `US-CA` a part of one.

    They are calculated: some are estimates (`estimated`), and decrees may move days. Raises InvalidInput.
    """
    country, _, part = code.upper().partition("-")
    try:
        found = holidays.country_holidays(
            country, subdiv=part or None, years=range(today.year, today.year + YEARS_AHEAD + 1)
        )
    except NotImplementedError as error:
        raise InvalidInput(
            f"no holidays are known for '{safe(code, 20)}'; give a country like KZ, or a part of one like US-CA"
        ) from error
    return [
        CalendarDay(day, DayKind.HOLIDAY, None, single_line(name)[:MAX_NAME_CHARS].rstrip())
        for day, name in sorted(found.items())
    ]

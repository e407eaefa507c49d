"""Weekly hours on a console: a plan template (UserRightPlanTemplate) and a week plan of the same number each.

Template 1 is "at all times", as the console comes. Ours are found again by their names; what others made there is
left alone. Shapes by the vendor's document.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ports.device import Spans
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.common.console.weekly_hours import Day, most_spans, week_of
from drivers.common.http.client import Request
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.isapi import Isapi, Refusal, items, section

ALWAYS = 1
_TEMPLATE = "/ISAPI/AccessControl/UserRightPlanTemplate"
_WEEK = "/ISAPI/AccessControl/UserRightWeekPlanCfg"
_LAST, _MAX_NUMBER = 16, 255
_SPANS = 8
_OURS = "dm-"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LACKS = "its firmware holds no weekly hours"


class Hours:
    """One console's plan templates, read as they are needed and remembered until forget()."""

    def __init__(self, isapi: Isapi, clock: Callable[[], Clock]) -> None:
        self._isapi, self._clock = isapi, clock
        self._names: dict[int, str] = {}
        self._weeks: dict[int, tuple[Day, ...]] = {}
        self._lacks = False

    def forget(self) -> None:
        """Look at the console again: it may have been changed there."""
        self._names.clear()
        self._weeks.clear()

    def number(self, name: str) -> int:
        """Return the number of template `name`, ALWAYS for ""; raise DeviceRefused while the console lacks it."""
        found = ALWAYS if not name else next((number for number, held in self._names.items() if held == name), None)
        if found is None:
            raise DeviceRefused("the console does not hold this schedule yet; it is tried again")
        return found

    def name(self, number: int) -> str:
        """Return the name of a template: "" for ALWAYS, `#N` for a template made elsewhere."""
        if number == ALWAYS:
            return ""
        try:
            return (number <= _MAX_NUMBER and self._name_at(number)) or f"#{number}"
        except Refusal:
            return f"#{number}"

    def keep(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Write the schedules (Scheduling.keep_hours)."""
        if self._lacks:
            return dict.fromkeys(hours, DeviceRefused(_LACKS))
        refused: dict[str, DeviceRefused] = {}
        for name, spans in hours.items():
            week = week_of(spans, self._clock().zone, datetime.now(UTC))
            try:
                self._keep(name, week, set(hours), look)
            except Refusal as refusal:
                if refusal.is_unsupported:
                    self._lacks = True
                    return dict.fromkeys(hours, DeviceRefused(_LACKS))
                refused[name] = refusal
            except DeviceRefused as error:
                refused[name] = error
        return refused

    def _keep(self, name: str, week: tuple[Day, ...], wanted: set[str], look: bool) -> None:
        if most_spans(week) > _SPANS:
            raise DeviceRefused(f"a day there has at most {_SPANS} spans")
        number = self._place(name, wanted)
        held = self._weeks.get(number)
        if look or (self._name_at(number) == name and held is not None and _to_minutes(held) == _to_minutes(week)):
            return
        self._isapi.send("PUT", f"{_WEEK}/{number}", {"UserRightWeekPlanCfg": _week_json(week)}, urgent=True)
        if _to_minutes(self._week_at(number)) != _to_minutes(week):
            raise DeviceRefused(f"the console took weekly hours {number} and tells others; look at them there")
        if self._name_at(number) != name:
            template = {"enable": True, "templateName": name, "weekPlanNo": number, "holidayGroupNo": ""}
            self._isapi.send("PUT", f"{_TEMPLATE}/{number}", {"UserRightPlanTemplate": template}, urgent=True)
            self._names[number] = name
        self._weeks[number] = week

    def _place(self, name: str, wanted: set[str]) -> int:
        """Return the place of `name`, else the first one never used, else one of ours that is not wanted."""
        spare = None
        for number in range(ALWAYS + 1, _LAST + 1):
            held = self._name_at(number)
            if held == name:
                if number not in self._weeks:
                    self._weeks[number] = self._week_at(number)
                return number
            if held == "":
                return number
            if spare is None and held.startswith(_OURS) and held not in wanted:
                spare = number
        if spare is None:
            raise DeviceRefused(f"all its weekly hours up to {_LAST} are taken")
        return spare

    def _name_at(self, number: int) -> str:
        if number not in self._names:
            document = self._isapi.send_raw(_get(f"{_TEMPLATE}/{number}"))
            inner = section(document, "UserRightPlanTemplate") or document
            used = inner.get("enable") is True
            name = safe(str(inner.get("templateName") or ""), 40)
            self._names[number] = (name or f"#{number}") if used else ""
        return self._names[number]

    def _week_at(self, number: int) -> tuple[Day, ...]:
        document = self._isapi.send_raw(_get(f"{_WEEK}/{number}"))
        inner = section(document, "UserRightWeekPlanCfg") or document
        days: dict[str, list[tuple[str, str]]] = {day: [] for day in _DAYS}
        for one in items(inner.get("WeekPlanCfg"))[: 7 * 2 * _SPANS]:
            span = section(one, "TimeSegment")
            day, begin, end = str(one.get("week")), str(span.get("beginTime"))[:8], str(span.get("endTime"))[:8]
            if one.get("enable") is True and day in days and begin < end:
                days[day].append((begin, end))
        return tuple(tuple(sorted(spans)) for spans in days.values())


def _to_minutes(week: tuple[Day, ...]) -> tuple[Day, ...]:
    """Return a week as firmware that keeps no seconds has it; a day ends at 23:59:59 or 24:00:00."""
    return tuple(tuple((begin[:5], end[:5].replace("24:00", "23:59")) for begin, end in day) for day in week)


def _get(target: str) -> Request:
    return Request("GET", f"{target}?format=json", urgent=True)


def _week_json(week: tuple[Day, ...]) -> dict[str, Any]:
    """Return every place of every day, so that nothing of the old content is left."""
    rows = [
        {
            "week": day,
            "id": place + 1,
            "enable": place < len(spans),
            "TimeSegment": dict(zip(("beginTime", "endTime"), spans[place], strict=True))
            if place < len(spans)
            else {"beginTime": "00:00:00", "endTime": "00:00:00"},
        }
        for day, spans in zip(_DAYS, week, strict=True)
        for place in range(_SPANS)
    ]
    return {"enable": True, "WeekPlanCfg": rows}

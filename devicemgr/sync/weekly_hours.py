"""The weekly hours that a device keeps by itself: which weeks it is given, and what it does not keep, in words."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from devicemgr.devices.sync_run import Run, Step
from devicemgr.domain.desired_state import Desired
from devicemgr.domain.model import Schedule
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.device import Device, Scheduling, Spans
from devicemgr.domain.rules.schedules import spans
from devicemgr.errors import DeviceRefused

# A device's own today and the six days behind it, in whatever zone it is.
_YESTERDAY, _HOURS_AHEAD = timedelta(days=1, hours=2), timedelta(days=10)


def weeks(wanted: Desired, schedules: Mapping[str, Schedule], now: datetime) -> dict[str, Spans]:
    """Return the spans of the week to come of each of the hours that come up."""
    begin = now - _YESTERDAY
    return {
        name: spans([schedules[one] for one in names if one in schedules], begin, begin + _HOURS_AHEAD)
        for name, names in wanted.hours.items()
    }


def _notes(device: str, wanted: Desired, refused: Mapping[str, str]) -> Iterator[str]:
    """Yield what a technician should know of schedules that the device does not keep."""
    if wanted.by_clock:
        why = f" ({next(iter(refused.values()))})" if refused else ""
        yield (
            f"{device} does not keep by itself when {', '.join(sorted(wanted.by_clock))} is open"
            f"{why}: this box gives and takes the doors; while it is away they stay as they were"
        )


def note(run: Run, device: str, wanted: Desired, refused: Mapping[str, str]) -> None:
    """Note in a run what the device does not keep of the schedules; `refused` has its reasons."""
    run.notes = tuple(_notes(device, wanted, refused))
    run.refused_rules = frozenset({DeviceRule.SCHEDULES}) if wanted.by_clock else frozenset()


def keep_hours(hours: Mapping[str, Spans], *, look: bool = False) -> Step:
    """Return a step that gives a device its weeks, and answers which it refused."""

    def keep(device: Device) -> Any:
        assert isinstance(device, Scheduling)
        try:
            return device.keep_hours(hours, look=look)
        except DeviceRefused as error:
            return dict.fromkeys(hours, error)  # a schedule must not hold up what is to be taken away

    return keep

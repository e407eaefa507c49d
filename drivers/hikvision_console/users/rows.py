"""Rows about people as a Hikvision console answers them."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ports.device import Holding
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.isapi import Refusal, items, section
from drivers.hikvision_console.sub_statuses import NOT_THERE
from drivers.hikvision_console.users.schedules import Hours

BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
END_YEAR = 2037
# A shorter beginning of a name is no name that was cut.
_MIN_CUT_BYTES = 15


def _holding(user: dict[str, Any], cards: Sequence[str], clock: Clock, hours: Hours) -> Holding | None:
    badge = str(user.get("employeeNo") or "")[:64]
    if not badge:
        return None
    valid = section(user, "Valid")
    begin, end = (clock.read(str(valid.get(name) or "")) for name in ("beginTime", "endTime"))
    limited = valid.get("enable") is not False
    doors = re.findall(r"[0-9]{1,3}", str(user.get("doorRight") or ""))
    return Holding(
        badge,
        str(user.get("name") or "")[:200],
        tuple(sorted(cards)),
        frozenset(int(door) for door in doors[:64]),
        begin if limited and begin and begin.year > BEGIN.year else None,
        end if limited and end and end.year < END_YEAR else None,
        "" if positive(user.get("numOfFace")) else None,
        tuple(sorted(_hours(user, hours))),
    )


def _hours(user: dict[str, Any], hours: Hours) -> Iterator[tuple[int, str]]:
    """By door, the names of hours that are not "at all times"; a template's number may come as text."""
    for one in items(user.get("RightPlan"))[:64]:
        door, number = (str(one.get(name) or "") for name in ("doorNo", "planTemplateNo"))
        if door.isdecimal() and number.isdecimal() and (name := hours.name(int(number))):
            yield int(door), name


def _find_status(says: dict[str, Any], depth: int = 0) -> str:
    """Find `status` wherever it stands in the answer: firmware differs in what is around it."""
    status = says.get("status")
    if isinstance(status, str):
        return status.lower()
    inner = (_find_status(value, depth + 1) for value in says.values() if isinstance(value, dict) and depth < 3)
    return next((found for found in inner if found), "")


def _unless_missing(action: Callable[[], object], also: frozenset[str] | None = None) -> None:
    """Run a removal, and ignore a refusal because the firmware lacks the function or the entry."""
    try:
        action()
    except Refusal as refusal:
        if not refusal.is_unsupported and refusal.code not in (also or NOT_THERE):
            raise


def positive(value: object) -> int:
    """Return a whole number above 0 unchanged; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def is_name(found: str, sent: str) -> bool:
    """Return True for the name that was sent, and for one that the console has cut in silence."""
    found, sent = found.rstrip("\ufffd\x00 ").strip(), sent.strip()
    return found == sent or (len(found.encode("utf-8")) >= _MIN_CUT_BYTES and sent.startswith(found))


def is_time(found: datetime | None, sent: datetime | None) -> bool:
    """Return True for the same minute: some firmware keeps no seconds."""
    if found is None or sent is None:
        return found is sent
    return found.replace(second=0, microsecond=0) == sent.replace(second=0, microsecond=0)

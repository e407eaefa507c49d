"""/reports: what happened in a span of time, as JSON or as a file for a spreadsheet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse

from devicemgr.api.authorization import sees_names
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.areas import report_models as models
from devicemgr.domain.rules.outgoing.reports import OF_PERSONS
from devicemgr.operations.reports import catalog
from devicemgr.operations.reports.files import MEDIA_TYPES, Format, csv_lines, workbook
from devicemgr.operations.reports.span import Wanted

router = APIRouter(prefix="/reports", tags=["reports"])

_LINES = 1000
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}}, MEDIA_TYPES[Format.XLSX]: _BINARY}}
}


@dataclass(frozen=True, slots=True)
class _Choice:
    since: str
    until: str
    form: Format
    person: str | None = None
    zone: str | None = None


def _chosen(
    since: Annotated[str, Query(alias="from", max_length=64, examples=["2026-11-01"], description="A date or a time.")],
    until: Annotated[
        str,
        Query(alias="to", max_length=64, examples=["2026-11-30"], description="A date, included; or a time."),
    ],
    form: Annotated[
        Literal["json", "csv", "xlsx"] | None,
        Query(alias="format", description="Of the answer; else `Accept` says it, and JSON is meant."),
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> _Choice:
    files = (one for one in (Format.CSV, Format.XLSX) if MEDIA_TYPES[one] in accept)
    return _Choice(since, until, Format(form) if form else next(files, Format.JSON))


_Common = Annotated[_Choice, Depends(_chosen)]
_Person = Annotated[str | None, Query(max_length=64, description="Of the person with this badge.")]
_Zone = Annotated[str | None, Query(max_length=63, description="Of this zone and those below it.")]


def _of_person(chosen: _Common, person: _Person = None) -> _Choice:
    return replace(chosen, person=person)


def _of_zone(chosen: _Common, zone: _Zone = None) -> _Choice:
    return replace(chosen, zone=zone)


def _of_person_and_zone(chosen: _Common, person: _Person = None, zone: _Zone = None) -> _Choice:
    return replace(chosen, person=person, zone=zone)


Choice = Annotated[_Choice, Depends(_of_person_and_zone)]
ChoiceOfPerson = Annotated[_Choice, Depends(_of_person)]
ChoiceOfZone = Annotated[_Choice, Depends(_of_zone)]


@router.get("/presence", response_model=models.PresenceReport, responses=_FILES)
def report_presence(context: Ctx, caller: Who, chosen: Choice) -> Response:
    """Report who was in which zone from when to when; only where the site evaluates attendance."""
    return _answer(context, caller, "presence", chosen)


@router.get("/first-last", response_model=models.FirstLastReport, responses=_FILES)
def report_first_last(context: Ctx, caller: Who, chosen: Choice) -> Response:
    """Report the first entry and the last exit of each person's days; only with attendance."""
    return _answer(context, caller, "first-last", chosen)


@router.get("/hours", response_model=models.HoursReport, responses=_FILES)
def report_hours(context: Ctx, caller: Who, chosen: Choice) -> Response:
    """Report the hours of each person's days, and their sums; only with attendance."""
    return _answer(context, caller, "hours", chosen)


@router.get("/denials", response_model=models.DenialsReport, responses=_FILES)
def report_denials(context: Ctx, caller: Who, chosen: Choice) -> Response:
    """Report how often access was denied, by reason, portal and person, the most frequent first."""
    return _answer(context, caller, "denials", chosen)


@router.get("/visitors", response_model=models.VisitorsReport, responses=_FILES)
def report_visitors(context: Ctx, caller: Who, chosen: ChoiceOfPerson) -> Response:
    """Report the visits that began in the span."""
    return _answer(context, caller, "visitors", chosen)


@router.get("/musters", response_model=models.MustersReport, responses=_FILES)
def report_musters(context: Ctx, caller: Who, chosen: ChoiceOfZone) -> Response:
    """Report the musters and drills that began in the span."""
    return _answer(context, caller, "musters", chosen)


def _answer(context: Context, caller: Caller, report: str, chosen: _Choice) -> Response:
    wanted = Wanted(chosen.since, chosen.until, chosen.person, chosen.zone, sees_names(caller))
    document = catalog.make(context.site, report, wanted)
    if report in OF_PERSONS:
        with context.change(caller, changes_site=False) as work:
            catalog.record(work, document, wanted)
    headers = {"Cache-Control": "no-store"}
    if chosen.form is Format.JSON:
        return Response(json.dumps(document, ensure_ascii=False), headers=headers, media_type=MEDIA_TYPES[chosen.form])
    headers["Content-Disposition"] = f'attachment; filename="{report}.{chosen.form}"'
    if chosen.form is Format.XLSX:
        return Response(workbook(document), headers=headers, media_type=MEDIA_TYPES[chosen.form])
    return StreamingResponse(_encoded(csv_lines(document)), headers=headers, media_type=MEDIA_TYPES[chosen.form])


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    """Yield a file in pieces of some size."""
    piece: list[str] = []
    for line in lines:
        piece.append(line)
        if len(piece) == _LINES:
            yield "".join(piece).encode()
            piece.clear()
    yield "".join(piece).encode()

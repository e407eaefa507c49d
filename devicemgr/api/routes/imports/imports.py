"""/imports: a file of people that the daemon reads, compares and takes in, as jobs with an id."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from devicemgr.api.authorization import require_people_change
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.imports.models import ImportBegin, ImportRows, ImportState
from devicemgr.errors import InvalidInput
from devicemgr.people import service
from devicemgr.people.imports import rows
from devicemgr.people.imports.jobs import ImportJobs
from devicemgr.people.imports.photos import Wanted
from devicemgr.people.imports.roster.reader import SourceOptions
from devicemgr.people.imports.work import Begun, Importing, PhotoWork, TableWork, Work
from devicemgr.people.tables.plan import Missing, Policy
from devicemgr.people.tables.reader import Layout

router = APIRouter(prefix="/imports", tags=["people"])

BINARY = "application/octet-stream"
MAX_ROWS_SHOWN = 1000
_FILE = {"required": True, "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


async def _file(request: Request) -> bytes:
    if request.headers.get("content-type", BINARY).partition(";")[0].strip().lower() != BINARY:
        raise InvalidInput(f"send the file as {BINARY}")
    data = await request.body()
    if not data:
        raise InvalidInput("the file is empty; choose another")
    return data


def _jobs(request: Request) -> ImportJobs:
    found: ImportJobs = request.app.state.imports
    return found


Jobs = Annotated[ImportJobs, Depends(_jobs)]


def _importing(context: Context, caller: Caller) -> Importing:
    def require(change: str, badge: str) -> None:
        require_people_change(caller, change, badge)

    return Importing(context.site, context.runtime, caller.actor, require)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a file is read."""

    name: str
    layout: Layout
    zip_encoding: str | None


def _reading(
    name: Annotated[str, Query(max_length=255, examples=["staff.csv"], description="The file's name.")],
    encoding: Annotated[str | None, Query(max_length=40, examples=["cp1251"], description="Of a CSV.")] = None,
    sheet: Annotated[str | None, Query(max_length=100, description="Of a workbook; else the first.")] = None,
    zip_encoding: Annotated[
        str | None, Query(max_length=40, examples=["cp866"], description="Of the names in an archive.")
    ] = None,
) -> _Reading:
    return _Reading(name, Layout(encoding, sheet), zip_encoding)


def _policy(
    update: Annotated[bool, Query(description="Change people who are here with other values; of a table.")] = False,
    as_written: Annotated[bool, Query(description="Badges with and without zeros in front are both right.")] = False,
    missing: Annotated[Missing, Query(description="What becomes of people whom a table does not name.")] = Missing.KEEP,
) -> Policy:
    return Policy(update=update, as_written=as_written, missing=missing)


@router.post("", status_code=201, response_model=ImportState, openapi_extra={"requestBody": _FILE})
def send_import(
    data: Annotated[bytes, Depends(_file)],
    reading: Annotated[_Reading, Depends(_reading)],
    policy: Annotated[Policy, Depends(_policy)],
    context: Ctx,
    caller: Who,
    jobs: Jobs,
) -> dict[str, Any]:
    """Send a CSV, TSV, XLSX or JSON table of people, or a ZIP of photos with or without a table.

    It is read and compared, and changes nothing until `start`. It stays in memory, for an hour at most.
    """
    at = _importing(context, caller)
    work: Work
    if reading.name.lower().endswith(".zip"):
        kind, work = "photos", PhotoWork(at, reading.name, data, SourceOptions(reading.layout, reading.zip_encoding))
    else:
        kind, work = "table", TableWork(at, reading.name, data, reading.layout, policy)
    return jobs.add(reading.name, kind, data, caller.actor, caller.holds, work).as_json()


@router.get("", response_model=list[ImportState])
def list_imports(jobs: Jobs, _: Who) -> list[dict[str, Any]]:
    """List the imports that are kept, the newest first: some of the last ones, until the daemon ends."""
    return [job.as_json() for job in jobs.all()]


@router.get("/{job}", response_model=ImportState)
def show_import(job: str, jobs: Jobs, _: Who) -> dict[str, Any]:
    """Return how far an import is."""
    return jobs.get(job).as_json()


@router.get("/{job}/rows", response_model=ImportRows)
def list_import_rows(
    job: str,
    jobs: Jobs,
    _: Who,
    offset: Annotated[int, Query(ge=0, description="How many rows are skipped.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS_SHOWN)] = 100,
    refused: Annotated[bool, Query(description="Only what is refused.")] = False,
) -> dict[str, Any]:
    """List what an import would change or has changed, what is refused first."""
    found = jobs.get(job).rows(only_refused=refused)
    return {"rows": [row.as_json() for row in found[offset : offset + limit]], "total": len(found)}


@router.get("/{job}/failures", response_class=Response, responses=_CSV)
def export_import_failures(job: str, jobs: Jobs, _: Who) -> Response:
    """Return what is refused as a CSV file."""
    found = jobs.get(job).rows(only_refused=True)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="failures.csv"'}
    return Response("".join(rows.as_csv(found)).encode(), headers=headers, media_type="text/csv; charset=utf-8")


@router.post("/{job}/start", response_model=ImportState)
def start_import(job: str, body: ImportBegin, context: Ctx, jobs: Jobs, _: Who) -> dict[str, Any]:
    """Make the changes of an import that was read, each with the right that it needs by itself."""
    terms = None
    if body.consent is not None:
        terms = service.agreed_terms(context.site, body.consent, body.notice, body.consent_until)
    wanted = Wanted(tuple(body.levels), body.valid_to, body.update)
    return jobs.begin(job, Begun(terms, wanted, body.accept)).as_json()


@router.post("/{job}/stop", response_model=ImportState)
def stop_import(job: str, jobs: Jobs, _: Who) -> dict[str, Any]:
    """Stop an import between two people; what was done until then stays, and the same file again does the rest."""
    return jobs.stop(job).as_json()


@router.delete("/{job}", response_model=ImportState)
def delete_import(job: str, jobs: Jobs, _: Who) -> dict[str, Any]:
    """Stop an import, and forget what became of it."""
    return jobs.forget(job).as_json()

"""/jobs: how far long actions are, and canceling them."""

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from devicemgr.api.authorization import may
from devicemgr.api.context import Caller, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.api.problems import described
from devicemgr.errors import NotFound
from devicemgr.operations.jobs import Job, Jobs

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobFailure(ResponseBody):
    """Why a job failed: `code`, `args` and `detail` as of a problem document."""

    code: str = Field(examples=["device_unreachable"])
    args: dict[str, Any]
    detail: str


class JobState(ResponseBody):
    """A long action: how far it is, or how it ended."""

    id: str = Field(examples=["0f1e2d3c4b5a69788796a5b4c3d2e1f0"])
    kind: str = Field(examples=["discovery"])
    subject: str | None = Field(description="What it is done to, such as the name of a device.")
    actor: str = Field(examples=["operator:berik"])
    started: Time
    phase: Literal["running", "done", "failed", "canceled"]
    canceling: bool = Field(description="It was canceled, and ends after its present step.")
    step: str = Field(description="What it is doing now, such as the setting of a profile.")
    done: int = Field(description="How much of `of` is done; of an action that takes a known time, in seconds.")
    of: int = Field(description="0 where it is not known.")
    result: Any = Field(None, description="Once it is done: what the route without `jobs` answers.")
    problem: JobFailure | None = Field(None, description="Once it has failed.")


@router.get("", response_model=list[JobState])
def list_jobs(request: Request, caller: Who) -> list[dict[str, Any]]:
    """List the jobs that run or have ended within the hour, the newest first, without their results.

    Those that the caller may start too.
    """
    return [job.as_json() for job in jobs_of(request).all() if may(caller, *job.operation)]


@router.get("/{job}", response_model=JobState)
def show_job(job: str, request: Request, caller: Who) -> dict[str, Any]:
    """Show how far a job is; with `result` or `problem` once it has ended."""
    return shown(_found(request, caller, job))


@router.delete("/{job}", response_model=JobState)
def cancel_job(job: str, request: Request, caller: Who) -> dict[str, Any]:
    """Cancel a job: it ends after its present step, and what is done stays done. One that has ended stays as it is."""
    found = _found(request, caller, job)
    found.cancel()
    return shown(found)


def jobs_of(request: Request) -> Jobs:
    """Return the daemon's jobs."""
    found = request.app.state.jobs
    assert isinstance(found, Jobs)
    return found


def begin(request: Request, job: Job, work: Callable[[Job], Any]) -> dict[str, Any]:
    """Start a job, and return what a route answers with 202."""
    return shown(jobs_of(request).start(job, work))


def shown(job: Job) -> dict[str, Any]:
    """Return the job with its result, or why it failed."""
    answer = job.as_json()
    if job.ended.is_set():
        answer |= {"result": job.result, "problem": described(job.error) if job.error is not None else None}
    return answer


def _found(request: Request, caller: Caller, job_id: str) -> Job:
    found = jobs_of(request).get(job_id)
    if not may(caller, *found.operation):
        raise NotFound("there is no such job; jobs end with the daemon, and are forgotten after an hour")
    return found

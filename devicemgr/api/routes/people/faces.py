"""/people/…/face and /faces: photos come in as base64 in JSON, so that none ever lies in a spool file."""

import asyncio
import base64
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from devicemgr.api.body_limit import PICTURE_TYPE
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.revisions import IfMatch
from devicemgr.api.routes.people.models import (
    ConsentRenew,
    FaceAnalysis,
    FaceCapture,
    FaceEnroll,
    FaceEnrollment,
    FaceMatch,
    FaceWithdrawn,
    Person,
    PhotoUpload,
)
from devicemgr.errors import InvalidInput, TooManyTries
from devicemgr.people import camera_enrollment, face_samples, service
from devicemgr.people.consents import Terms, renew
from devicemgr.security.passwords import digest
from devicemgr.security.rate_limit import TryLimit
from devicemgr.store.people import people

router = APIRouter(tags=["faces"])

_JPEG = {"type": "string", "format": "binary"}
_DISCONNECT_POLL_S = 0.25
MAX_CHECKS_PER_S = 4
_PHOTO: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/PhotoUpload"}},
        PICTURE_TYPE: {"schema": _JPEG},
    },
}


def check_limit() -> TryLimit:
    """Return a limit of checks per session: a webcam's page sends three a second."""
    return TryLimit(MAX_CHECKS_PER_S, 1.0)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput("a photo is not base64") from error


def _terms(context: Context, body: FaceEnroll | FaceCapture) -> Terms:
    terms = service.agreed_terms(context.site, body.consent, body.notice, body.consent_until)
    return replace(terms, bulk=isinstance(body, FaceEnroll) and body.bulk)


@router.get(
    "/people/{badge}/photo",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": _JPEG}}, "description": "At most 160 pixels a side."}},
)
def show_photo(badge: str, context: Ctx, caller: Who) -> Response:
    """Show a person's kept face beside a decision, where the site allows it; the first view a day is recorded."""
    photo = face_samples.shown_photo(context.site, caller.actor, badge)
    return Response(photo, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.post("/people/{badge}/face", status_code=201, response_model=FaceEnrollment)
def enroll_face(badge: str, body: FaceEnroll, context: Ctx, caller: Who) -> dict[str, Any]:
    """Enroll photos of one person, all or none."""
    photos = [_bytes(photo) for photo in body.photos]
    return service.enroll_face(
        context.site,
        context.runtime,
        caller.actor,
        badge,
        photos,
        _terms(context, body),
        allow_lookalike=body.allow_lookalike,
    )


@router.post("/people/{badge}/face/camera", status_code=201, response_model=FaceEnrollment)
async def capture_face(badge: str, body: FaceCapture, request: Request, context: Ctx, caller: Who) -> Any:
    """Enroll the person before a camera; a client that disconnects before the end cancels the enrollment."""
    capture = camera_enrollment.Capture(body.device, body.pictures, body.seconds)
    work = asyncio.ensure_future(
        run_in_threadpool(
            camera_enrollment.enroll,
            context.site,
            context.runtime,
            caller.actor,
            badge,
            _terms(context, body),
            capture,
            allow_lookalike=body.allow_lookalike,
        )
    )
    while not (await asyncio.wait({work}, timeout=_DISCONNECT_POLL_S))[0]:
        if await request.is_disconnected():
            capture.cancelled.set()
    return await work


@router.post("/people/{badge}/consent", status_code=201, response_model=Person)
def renew_consent(badge: str, body: ConsentRenew, context: Ctx, caller: Who) -> dict[str, Any]:
    """Record a new consent of a person whose face is here; it counts again, if the one before had ended."""
    with context.change(caller) as work:
        return people.as_json(renew(work, badge, body.consent, body.notice, body.consent_until))


@router.delete("/people/{badge}/face", response_model=FaceWithdrawn)
def withdraw_face(badge: str, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Withdraw the consent: the face is erased, cards go on working."""
    return service.withdraw_face(context.site, context.runtime, caller.actor, badge, match.require)


@dataclass(frozen=True, slots=True)
class _Photo:
    data: bytes = field(repr=False)
    is_picture: bool


async def _photo(request: Request, caller: Who) -> _Photo:
    """Return the photo of a body: a JPEG as it is, or base64 in JSON; TooManyTries over the session's limit."""
    limit: TryLimit = request.app.state.face_checks
    if caller.session is not None and not limit.take(digest(caller.session)):
        raise TooManyTries(f"more than {MAX_CHECKS_PER_S} photos in a second; wait a second", retry_after_s=1)
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in (PICTURE_TYPE, "application/json"):
        raise InvalidInput(f"send application/json or {PICTURE_TYPE}")
    body = await request.body()
    if kind == PICTURE_TYPE:
        return _Photo(body, is_picture=True)
    try:
        return _Photo(_bytes(PhotoUpload.model_validate_json(body).photo), is_picture=False)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


@router.post("/faces/check", response_model=FaceAnalysis, openapi_extra={"requestBody": _PHOTO})
def check_face(photo: Annotated[_Photo, Depends(_photo)], context: Ctx) -> dict[str, Any]:
    """Check whether a photo is fit for enrollment; store nothing.

    A picture of a webcam may come as a JPEG of at most 300 KB instead of JSON: it gets a quick look, by the same
    bounds. A session may check four photos a second.
    """
    return context.site.parts.faces.check(photo.data, is_glance=photo.is_picture)


@router.post("/faces/identify", response_model=FaceMatch)
def identify_face(body: PhotoUpload, context: Ctx, caller: Who) -> dict[str, Any]:
    """Find the enrolled person on a photo; store nothing but an audit fact."""
    photo = _bytes(body.photo)
    with context.site.database.read() as session:
        answer = context.site.parts.faces.identify(
            photo,
            context.runtime.gallery(),
            lambda person_id: people.badge_of(session, person_id),
            context.site.gallery.own,
        )
    service.record_identification(context.site, caller.actor, answer["badge"], answer["reason"])
    return answer

"""/people/…/face and /faces: photos come in as base64 in JSON, so that none ever lies in a spool file."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.errors import InvalidInput
from devicemgr.people import camera_enrollment, face_enrollment, service
from devicemgr.people.consents import Terms, renew
from devicemgr.store.people import people

router = APIRouter(tags=["faces"])

_DISCONNECT_POLL_S = 0.25


class FaceEnroll(BaseModel):
    """Photos (base64) to enroll under a consent."""

    model_config = ConfigDict(extra="forbid")
    photos: list[str] = Field(min_length=1, max_length=face_enrollment.MAX_PHOTOS)
    consent: str
    notice: str | None = None
    consent_until: str | None = None
    allow_lookalike: bool = False
    bulk: bool = Field(
        False, description="It is part of an import: people who withdrew their consent are not enrolled again."
    )


class FaceCapture(BaseModel):
    """Pictures that a device of the site takes now, to enroll under a consent."""

    model_config = ConfigDict(extra="forbid")
    device: str
    consent: str
    notice: str | None = None
    consent_until: str | None = None
    pictures: int = Field(3, ge=1, le=face_enrollment.MAX_PHOTOS)
    seconds: float = Field(20.0, ge=1.0, le=60.0)
    allow_lookalike: bool = False


class PhotoUpload(BaseModel):
    """One photo (base64)."""

    model_config = ConfigDict(extra="forbid")
    photo: str


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput("a photo is not base64") from error


class ConsentRenew(BaseModel):
    """A consent that is given again."""

    model_config = ConfigDict(extra="forbid")
    consent: str
    notice: str | None = None
    consent_until: str | None = None


def _terms(context: Context, body: FaceEnroll | FaceCapture) -> Terms:
    terms = service.agreed_terms(context.site, body.consent, body.notice, body.consent_until)
    return replace(terms, bulk=isinstance(body, FaceEnroll) and body.bulk)


@router.post("/people/{badge}/face", status_code=201)
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


@router.post("/people/{badge}/face/camera", status_code=201)
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


@router.post("/people/{badge}/consent", status_code=201)
def renew_consent(badge: str, body: ConsentRenew, context: Ctx, caller: Who) -> dict[str, Any]:
    """Record a new consent of a person whose face is here; it counts again, if the one before had ended."""
    with context.change(caller) as work:
        return people.as_json(renew(work, badge, body.consent, body.notice, body.consent_until))


@router.delete("/people/{badge}/face")
def withdraw_face(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Withdraw the consent: the face is erased, cards go on working."""
    return service.withdraw_face(context.site, context.runtime, caller.actor, badge)


@router.post("/faces/check")
def check_face(body: PhotoUpload, context: Ctx, _: Who) -> dict[str, Any]:
    """Check whether a photo is fit for enrollment; store nothing."""
    return context.site.parts.faces.check(_bytes(body.photo))


@router.post("/faces/identify")
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

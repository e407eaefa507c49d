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
from devicemgr.people import camera_enrollment, face_enrollment
from devicemgr.people.consents import Terms, agreed, renew
from devicemgr.store.people import people

router = APIRouter(tags=["faces"])

_LOOK_SECONDS = 0.25


class Photos(BaseModel):
    """Photos (base64) to enrol under a consent."""

    model_config = ConfigDict(extra="forbid")
    photos: list[str] = Field(min_length=1, max_length=face_enrollment.MAX_PHOTOS)
    consent: str
    notice: str | None = None
    consent_until: str | None = None
    allow_lookalike: bool = False
    bulk: bool = Field(
        False, description="It is part of an import: nobody who withdrew their consent is enrolled again."
    )


class FromCamera(BaseModel):
    """Pictures that a device of the site takes now."""

    model_config = ConfigDict(extra="forbid")
    device: str
    consent: str
    notice: str | None = None
    consent_until: str | None = None
    pictures: int = Field(3, ge=1, le=face_enrollment.MAX_PHOTOS)
    seconds: float = Field(20.0, ge=1.0, le=60.0)
    allow_lookalike: bool = False


class Photo(BaseModel):
    """One photo (base64)."""

    model_config = ConfigDict(extra="forbid")
    photo: str


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput("a photo is not base64") from error


class Renewal(BaseModel):
    """A consent that is given again."""

    model_config = ConfigDict(extra="forbid")
    consent: str
    notice: str | None = None
    consent_until: str | None = None


def _terms(context: Context, body: Photos | FromCamera) -> Terms:
    with context.site.database.read() as session:
        terms = agreed(session, body.consent, body.notice, body.consent_until)
    return replace(terms, bulk=isinstance(body, Photos) and body.bulk)


@router.post("/people/{badge}/face", status_code=201)
def enrol_face(badge: str, body: Photos, context: Ctx, caller: Who) -> dict[str, Any]:
    """Enrol photos of one person, all or none."""
    photos = [_bytes(photo) for photo in body.photos]
    answer = face_enrollment.enrol(
        context.site, caller.actor, badge, photos, _terms(context, body), allow_lookalike=body.allow_lookalike
    )
    context.runtime.site_changed()
    return answer


@router.post("/people/{badge}/face/camera", status_code=201)
async def enrol_before_camera(badge: str, body: FromCamera, request: Request, context: Ctx, caller: Who) -> Any:
    """Enrol whoever stands before a camera now; whoever hangs up before the end has enrolled nobody."""
    sitting = camera_enrollment.Sitting(body.device, body.pictures, body.seconds)
    work = asyncio.ensure_future(
        run_in_threadpool(
            camera_enrollment.enrol,
            context.site,
            context.runtime,
            caller.actor,
            badge,
            _terms(context, body),
            sitting,
            allow_lookalike=body.allow_lookalike,
        )
    )
    while not (await asyncio.wait({work}, timeout=_LOOK_SECONDS))[0]:
        if await request.is_disconnected():
            sitting.stopped.set()
    answer = await work
    context.runtime.site_changed()
    return answer


@router.post("/people/{badge}/consent", status_code=201)
def renew_consent(badge: str, body: Renewal, context: Ctx, caller: Who) -> dict[str, Any]:
    """Record a new consent of somebody whose face is here; it counts again, if the one before had ended."""
    answer = renew(context.site, caller.actor, badge, body.consent, body.notice, body.consent_until)
    context.runtime.site_changed()
    return answer


@router.delete("/people/{badge}/face")
def withdraw_face(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Withdraw the consent: the face is erased, cards go on working."""
    answer = face_enrollment.withdraw(context.site, caller.actor, badge)
    context.runtime.site_changed()
    return answer


@router.post("/faces/check")
def check_face(body: Photo, context: Ctx, _: Who) -> dict[str, Any]:
    """Is this photo fit for enrolment? Stores nothing."""
    return context.site.parts.faces.check(_bytes(body.photo))


@router.post("/faces/identify")
def identify_face(body: Photo, context: Ctx, caller: Who) -> dict[str, Any]:
    """Who of the enrolled is this? Writes nothing but an audit row."""
    photo = _bytes(body.photo)
    with context.site.database.read() as session:
        answer = context.site.parts.faces.identify(
            photo,
            context.runtime.gallery(),
            lambda person_id: people.badge_of(session, person_id),
            context.site.gallery.own,
        )
    with context.site.database.write(changes_site=False) as session:
        person = people.get(session, answer["badge"]).id if answer["badge"] else None
        context.record(session, "admin.face_identified", caller, {"reason": answer["reason"]}, person)
    return answer

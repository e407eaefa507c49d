"""Faces in the store: enrolled under a consent, withdrawn, erased; each in one transaction with its record."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.ports.recognition import Embedding, PhotoAnalysis, PreparedSample
from devicemgr.errors import InvalidInput, NotFound, PhotoRefused, RequestError
from devicemgr.gallery import cache_file
from devicemgr.gallery.cache import open_template
from devicemgr.people import erasure_events, face_samples
from devicemgr.people.consents import Terms, require_not_withdrawn
from devicemgr.recovery import backup
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.people import consents, face_models, face_templates, people
from devicemgr.store.site import device_sync, settings
from devicemgr.store.tables import PersonRow
from devicemgr.vault import DataKey

MAX_PHOTOS = 10
MAX_SAMPLES = 20
# The last look for a duplicate and the commit belong together, or two imports at once would enrol one face twice.
_commit = threading.Lock()


def enrol(
    site: Site,
    actor: str,
    badge: str,
    photos: Sequence[bytes],
    consent: Terms,
    *,
    allow_lookalike: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """Enrol photos of one person, all or none; photos enrolled before are skipped; PhotoRefused with all faces.

    Each face object says which `photo` of those given it is, from 1. `device` took the photos, if one did.
    Raises ConsentWithdrawn, also when the consent is withdrawn while the photos are looked at.
    """
    if not 1 <= len(photos) <= MAX_PHOTOS:
        raise InvalidInput(f"give 1 to {MAX_PHOTOS} photos at a time")
    with site.database.read() as session:
        own, keep = face_models.active(session), settings.load(session).keep_samples
        model = site.gallery.name_of(own)
        row = people.get(session, badge)
        require_not_withdrawn(row, consent)
        fresh = _not_yet_enrolled(site, row, photos, model, keep=keep)
    analyses = site.parts.faces.analyse(list(fresh), keep=keep, own=own) if fresh else []
    with _commit:
        try:
            prepared = _judged(site, badge, analyses, model, allow_lookalike)
        except PhotoRefused as error:
            raise PhotoRefused(str(error), _placed(error.faces, fresh)) from error
        how: dict[str, Any] = {"allow_lookalike": allow_lookalike} | ({"device": device} if device else {})
        stored = _store(site, actor, badge, list(fresh), prepared, model, consent, how)
    return {
        "badge": badge,
        "templates": stored,
        "skipped": len(photos) - len(fresh),
        "faces": _placed([s.face for s in prepared], fresh),
    }


def _not_yet_enrolled(
    site: Site, row: PersonRow, photos: Sequence[bytes], model: str, *, keep: bool
) -> dict[bytes, int]:
    """The photos to look at, each with its place from 1: also those enrolled before their faces were kept."""
    unique: dict[bytes, int] = {}
    for place, photo in enumerate(photos, 1):
        unique.setdefault(photo, place)
    if row.wrapped_key is None:
        return unique
    key = site.vault.data_key(row.id, row.wrapped_key)
    known = {template.photo_mac for template in row.templates if template.model == model}
    if keep:
        known &= {sample.photo_mac for sample in row.samples}
    return {photo: place for photo, place in unique.items() if key.photo_mac(photo) not in known}


def _placed(faces: Sequence[dict[str, Any]], fresh: dict[bytes, int]) -> list[dict[str, Any]]:
    return [face | {"photo": place} for face, place in zip(faces, fresh.values(), strict=True)]


def _judged(
    site: Site, badge: str, analyses: Sequence[PhotoAnalysis], model: str, allow_lookalike: bool
) -> list[PreparedSample]:
    if not analyses:
        return []
    with site.database.read() as session:
        row = people.get(session, badge)
        siblings = [
            open_template(site.vault, face_templates.sealed(session, t.id)) for t in row.templates if t.model == model
        ]

        def badge_of(person_id: str) -> str | None:
            return people.badge_of(session, person_id)

        gallery = site.gallery.refresh()
        return site.parts.faces.judge(analyses, siblings, gallery, row.id, badge_of, allow_lookalike=allow_lookalike)


def _store(
    site: Site,
    actor: str,
    badge: str,
    photos: Sequence[bytes],
    prepared: Sequence[PreparedSample],
    model: str,
    terms: Terms,
    how: dict[str, Any],
) -> int:
    with site.database.write() as session:
        row = people.get(session, badge)
        require_not_withdrawn(row, terms)
        if site.gallery.name_of(face_models.active(session)) != model:
            raise RequestError("the face model was changed just now; enrol the photo again")
        key = _data_key(site, row)
        macs = [key.photo_mac(photo) for photo in photos]
        known = {template.photo_mac for template in row.templates if template.model == model}
        if len(known | set(macs)) > MAX_SAMPLES:
            raise InvalidInput(f"{badge} would have more than {MAX_SAMPLES} samples; withdraw and enrol anew")
        consent, given = consents.give(session, row, terms.reference, terms.notice, terms.until)
        if given:
            detail = {"notice": terms.notice, "until": terms.until}
            _record(site, session, "admin.consent_given", row, actor, detail)
        kept = 0
        for mac, sample in zip(macs, prepared, strict=True):
            if mac not in known:
                sealed = key.seal_template(_bytes(sample.embedding), model)
                people.add_template(session, row, consent, model, sealed, mac)
            kept += face_samples.keep(session, row, consent, key, mac, sample.crop)
        if prepared:
            found = {"samples": len(prepared), "kept": kept, "model": model}
            _record(site, session, "admin.face_enrolled", row, actor, found | how)
        return people.photos(row, model)


def _data_key(site: Site, row: PersonRow) -> DataKey:
    if row.wrapped_key is not None:
        return site.vault.data_key(row.id, row.wrapped_key)
    key, row.wrapped_key = site.vault.new_data_key(row.id)
    return key


def _bytes(embedding: Embedding) -> bytes:
    return np.ascontiguousarray(embedding, dtype="<f4").tobytes()


def vector(site: Site, session: Session, template_id: str) -> list[float]:
    """A template's embedding, for who may see it: its person, once two admins agreed."""
    return [float(value) for value in open_template(site.vault, face_templates.sealed(session, template_id))]


def withdraw(site: Site, actor: str, badge: str) -> dict[str, Any]:
    """End the consent: templates deleted and their key destroyed at once; cards go on working."""
    with site.database.write() as session:
        row = people.get(session, badge)
        if not row.templates and all(given.withdrawn for given in row.consents):
            raise NotFound(f"{badge} has no consent to withdraw and no face enrolled")
        for given in row.consents:
            given.withdrawn = given.withdrawn or people.now_text()
        gone = people.drop_face(session, row)
        cache_file.forget(session)
        _record(site, session, "admin.consent_withdrawn", row, actor, {"templates_erased": gone})
    verified, unseen = _after_removal(site, row.id)
    return {"badge": badge, "templates_erased": gone, "verified": verified, "backups_closed": unseen}


def end(site: Site, person_id: str) -> None:
    """Erase the face of somebody whose consent has ended by itself, and was not given again; cards go on working."""
    with site.database.write() as session:
        row = session.get_one(PersonRow, person_id)
        gone = people.drop_face(session, row)
        cache_file.forget(session)
        detail: dict[str, Any] = {"why": "the consent has ended", "templates_erased": gone}
        site.ledger.append(session, [Fact("admin.face_erased", datetime.now(UTC), person_id=person_id, detail=detail)])


def erase(site: Site, actor: str, badge: str) -> dict[str, Any]:
    """Erase a person: record, credentials, consents, templates and key; read back; an erasure record stays."""
    with site.database.write() as session:
        row = people.get(session, badge)
        devices = device_sync.places_of(session, [row.id])[row.id]
        gone = people.erase(session, row)
        cache_file.forget(session)
        _record(site, session, "admin.person_erased", row, actor, gone | {"devices": devices})
        site.ledger.append(session, erasure_events.ended_here(session, row.id))
    wiped, unseen = _after_removal(site, row.id)
    with site.database.read() as session:
        still_there = people.badge_of(session, row.id) is not None
    verified = wiped and not still_there
    return {"badge": badge, "erased": gone, "devices": devices, "verified": verified, "backups_closed": unseen}


def _after_removal(site: Site, person_id: str) -> tuple[bool, bool]:
    """Whether nothing is left in the files here, and whether no backup shows it from now on."""
    site.gallery.refresh()
    unseen = backup.forget(site.database, site.vault, person_id)
    return site.database.forget(), unseen


def _record(site: Site, session: Session, kind: str, row: PersonRow, actor: str, detail: dict[str, Any]) -> None:
    site.ledger.append(session, [Fact(kind, datetime.now(UTC), person_id=row.id, actor=actor, detail=detail)])

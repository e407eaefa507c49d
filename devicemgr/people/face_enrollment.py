"""Faces in the store: enrolled under a consent, withdrawn, erased; each in one transaction with its audit facts."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from devicemgr.domain.ports.recognition import Embedding, PhotoAnalysis, PreparedSample
from devicemgr.errors import InvalidInput, NotFound, PhotoRefused, RequestError
from devicemgr.gallery import cache_file
from devicemgr.gallery.cache import open_template
from devicemgr.people import erasure_events, face_samples
from devicemgr.people.consents import Terms, give, require_not_withdrawn, rights_of, rights_of_consent
from devicemgr.recovery import backup
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import Require, nothing_required, unit_of_work
from devicemgr.store.database import Session
from devicemgr.store.people import face_models, face_templates, people
from devicemgr.store.site import device_sync, settings
from devicemgr.store.tables import PersonRow
from devicemgr.vault import DataKey

MAX_PHOTOS = 10
MAX_SAMPLES = 20
# The last look for a duplicate and the commit belong together, or two imports at once would enroll one face twice.
_commit = threading.Lock()


def enroll(
    site: Site,
    actor: str,
    badge: str,
    photos: Sequence[bytes],
    consent: Terms,
    *,
    allow_lookalike: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """Enroll photos of one person, all or none; photos enrolled before are skipped.

    Each face object says which `photo` of those given it is, from 1. `device` took the photos, if one did.
    Raises PhotoRefused with all faces if one is unfit, and ConsentWithdrawn, also when the consent is withdrawn while
    the photos are analyzed.
    """
    if not 1 <= len(photos) <= MAX_PHOTOS:
        raise InvalidInput(f"give 1 to {MAX_PHOTOS} photos at a time")
    with site.database.read() as session:
        own, keep = face_models.active(session), settings.load(session).keep_samples
        model = site.gallery.name_of(own)
        row = people.get(session, badge)
        require_not_withdrawn(row, consent)
        fresh = _not_yet_enrolled(site, row, photos, model, keep=keep)
    analyses = site.parts.faces.analyze(list(fresh), keep=keep, own=own) if fresh else []
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


def enrolled_photos(site: Site, badge: str) -> Callable[[bytes], bool]:
    """Return whether a photo is one of those that this person is enrolled with; a frozen camera sends them again."""
    with site.database.read() as session:
        own, keep = face_models.active(session), settings.load(session).keep_samples
        return _enrolled_before(site, people.get(session, badge), site.gallery.name_of(own), keep=keep)


def _not_yet_enrolled(
    site: Site, row: PersonRow, photos: Sequence[bytes], model: str, *, keep: bool
) -> dict[bytes, int]:
    """Return the photos to analyze with their places from 1, also those enrolled before their faces were kept."""
    is_enrolled = _enrolled_before(site, row, model, keep=keep)
    unique: dict[bytes, int] = {}
    for place, photo in enumerate(photos, 1):
        unique.setdefault(photo, place)
    return {photo: place for photo, place in unique.items() if not is_enrolled(photo)}


def _enrolled_before(site: Site, row: PersonRow, model: str, *, keep: bool) -> Callable[[bytes], bool]:
    if row.wrapped_key is None:
        return lambda _: False
    key = site.vault.data_key(row.id, row.wrapped_key)
    known = {template.photo_mac for template in row.templates if template.model == model}
    if keep:
        known &= {sample.photo_mac for sample in row.samples}
    return lambda photo: key.photo_mac(photo) in known


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
    with unit_of_work(site, actor) as work:
        session = work.session
        row = people.get(session, badge)
        require_not_withdrawn(row, terms)
        if site.gallery.name_of(face_models.active(session)) != model:
            raise RequestError("the face model was changed just now; enroll the photo again")
        key = _data_key(site, row)
        macs = [key.photo_mac(photo) for photo in photos]
        known = {template.photo_mac for template in row.templates if template.model == model}
        if len(known | set(macs)) > MAX_SAMPLES:
            raise InvalidInput(
                f"{badge} would have more than {MAX_SAMPLES} samples; withdraw the consent and enroll again"
            )
        consent = give(work, row, terms)
        kept = 0
        for mac, sample in zip(macs, prepared, strict=True):
            if mac not in known:
                sealed = key.seal_template(_bytes(sample.embedding), model)
                people.add_template(session, row, consent, model, sealed, mac)
            kept += face_samples.keep(session, row, consent, key, mac, sample.crop)
        if prepared:
            found = {"samples": len(prepared), "kept": kept, "model": model}
            work.record("admin.face_enrolled", found | how, person_id=row.id)
        return people.photos(row, model)


def _data_key(site: Site, row: PersonRow) -> DataKey:
    if row.wrapped_key is not None:
        return site.vault.data_key(row.id, row.wrapped_key)
    key, row.wrapped_key = site.vault.new_data_key(row.id)
    return key


def _bytes(embedding: Embedding) -> bytes:
    return np.ascontiguousarray(embedding, dtype="<f4").tobytes()


def vector(site: Site, session: Session, template_id: str) -> list[float]:
    """Return a template's embedding for its person's copy, once two admins agreed."""
    return [float(value) for value in open_template(site.vault, face_templates.sealed(session, template_id))]


def withdraw(site: Site, actor: str, badge: str, require: Require = nothing_required) -> dict[str, Any]:
    """End the consent: templates are deleted and their key destroyed at once; cards go on working."""
    with unit_of_work(site, actor) as work:
        require(work.session)
        row = people.get(work.session, badge)
        if not row.templates and all(given.withdrawn for given in row.consents):
            raise NotFound(f"{badge} has no consent to withdraw and no face enrolled")
        before = {"consent": rights_of_consent(row)}
        for given in row.consents:
            given.withdrawn = given.withdrawn or people.now_text()
        gone = people.drop_face(work.session, row)
        cache_file.forget(work.session)
        detail = {"templates_erased": gone}
        work.record("admin.consent_withdrawn", detail, person_id=row.id, before=before, after={"consent": None})
    verified, unseen = _after_removal(site, row.id)
    return {"badge": badge, "templates_erased": gone, "verified": verified, "backups_closed": unseen}


def end(site: Site, person_id: str) -> None:
    """Erase the face of a person whose consent has expired and was not renewed; cards go on working."""
    with unit_of_work(site, None) as work:
        row = work.session.get_one(PersonRow, person_id)
        gone = people.drop_face(work.session, row)
        cache_file.forget(work.session)
        detail = {"why": "the consent has ended", "templates_erased": gone}
        work.record("admin.face_erased", detail, person_id=person_id)


def erase(site: Site, actor: str | None, badge: str, require: Require = nothing_required) -> dict[str, Any]:
    """Erase a person: record, credentials, consents, templates and key; read back; an erasure record stays."""
    with unit_of_work(site, actor) as work:
        require(work.session)
        row = people.get(work.session, badge)
        devices = device_sync.places_of(work.session, [row.id])[row.id]
        before = rights_of(row)
        gone = people.erase(work.session, row)
        cache_file.forget(work.session)
        work.record("admin.person_erased", gone | {"devices": devices}, person_id=row.id, before=before)
        site.ledger.append(work.session, erasure_events.ended_here(work.session, row.id))
    wiped, unseen = _after_removal(site, row.id)
    with site.database.read() as session:
        still_there = people.badge_of(session, row.id) is not None
    verified = wiped and not still_there
    return {"badge": badge, "erased": gone, "devices": devices, "verified": verified, "backups_closed": unseen}


def _after_removal(site: Site, person_id: str) -> tuple[bool, bool]:
    """Return whether nothing is left in the files here, and whether no backup shows it from now on."""
    site.gallery.refresh()
    unseen = backup.forget(site.database, site.vault, person_id)
    return site.database.forget(), unseen

"""Migration to another face model: kept samples are embedded again while the old model goes on deciding.

Everything lies in the store: which model is wanted, and which samples it has templates of. So a migration
continues after a kill where it stopped, and the switch is one transaction.
"""

import logging
import threading
from typing import Any

import numpy as np

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Embedding
from devicemgr.errors import DevicemgrError, Hint, InvalidInput, KeyMissing, NotFound, RequestError
from devicemgr.gallery.cache import GalleryKeeper
from devicemgr.people import calibration, face_samples
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import audit_fact, unit_of_work
from devicemgr.store.database import Session
from devicemgr.store.people import calibrations, face_models, people, samples as rows
from devicemgr.store.people.face_models import FaceModels, Move
from devicemgr.store.site import settings
from devicemgr.store.tables import ConsentRow, PersonRow, SampleRow
from devicemgr.text import safe

log = logging.getLogger(__name__)

# Together in one transaction: a kill costs as many embeddings at most.
BATCH = 8
OWN_NAME = "dlib"


def start(site: Site, actor: str, name: str, *, allow_missing: bool) -> dict[str, Any]:
    """Start a migration to the model of that name, or continue it; return its progress."""
    with unit_of_work(site, actor) as work:
        session = work.session
        models = face_models.load(session)
        model = _named(site, session, models, name)
        if models.move is None and _same(site, model, models.active):
            raise RequestError(f"{name} is the face model in force; nothing is to be done")
        if models.move is not None and not _same(site, model, models.move.model):
            raise RequestError(f"the site is on its way to {_spoken(models.move.model)}", hint=Hint("cancel_migration"))
        failed = models.move.failed if models.move else ()
        face_models.save(session, models.model_copy(update={"move": Move(model=model, allow_missing=allow_missing)}))
        if models.move is None or models.move.allow_missing != allow_missing or failed:
            detail = {"model": site.gallery.name_of(model), "allow_missing": allow_missing}
            work.record("admin.model_migration_started", detail)
    return status(site)


def back(site: Site, actor: str) -> dict[str, Any]:
    """Cancel a migration that has not switched yet, or start one to the previous model."""
    with site.database.write() as session:
        models = face_models.load(session)
        if models.move is not None:
            face_models.save(session, models.model_copy(update={"move": None}))
            kept = {site.gallery.name_of(model) for model in (models.active, *models.before)}
            gone = face_models.drop_templates(session, kept)
            _record(site, session, "admin.model_migration_given_up", actor, {"templates_erased": gone})
        elif models.before:
            move = Move(model=models.before[0], allow_missing=False)
            face_models.save(session, models.model_copy(update={"move": move}))
            detail = {"model": site.gallery.name_of(move.model), "allow_missing": False}
            _record(site, session, "admin.model_migration_started", actor, detail)
        else:
            raise RequestError("there is no other face model to go back to")
    return status(site)


def forget(site: Site, actor: str) -> dict[str, Any]:
    """Delete the templates of every model but the one in force; there is no way back then."""
    with site.database.write() as session:
        models = face_models.load(session)
        if models.move is not None:
            raise RequestError(
                "the site is on its way to another face model; wait for its switch", hint=Hint("cancel_migration")
            )
        gone = face_models.drop_templates(session, {site.gallery.name_of(models.active)})
        face_models.save(session, models.model_copy(update={"before": ()}))
        _record(site, session, "admin.model_way_back_ended", actor, {"templates_erased": gone})
    site.database.forget()
    return status(site) | {"templates_erased": gone}


def status(site: Site) -> dict[str, Any]:
    """Return the model in force, the progress of a migration, and who has no face for its target."""
    with site.database.read() as session:
        models = face_models.load(session)
        answer: dict[str, Any] = {
            "active": site.gallery.name_of(models.active),
            "before": [site.gallery.name_of(model) for model in models.before],
            "target": None,
            "state": "idle",
        }
        return answer if models.move is None else answer | _progress(site, session, models, models.move)


def _progress(site: Site, session: Session, models: FaceModels, move: Move) -> dict[str, Any]:
    target = site.gallery.name_of(move.model)
    old, new = (face_models.enrolled(session, name) for name in (site.gallery.name_of(models.active), target))
    waiting = face_models.waiting_people(session, target, move.failed)
    missing = face_models.badges(session, old - new - waiting)
    why = _why_not(session, move, missing)
    return {
        "target": target,
        "people": len(old | waiting),
        "done": len((old | waiting) - waiting) - len(missing),
        "needs_enrollment": missing,
        "state": "working" if waiting else "waiting" if why else "ready",
        "waits_for": None if waiting else why,
    }


def _why_not(session: Session, move: Move, missing: list[str]) -> str | None:
    if missing and not move.allow_missing:
        return (
            f"people without a kept photo, who must be enrolled again: {len(missing)}; with allow_missing the switch "
            "does without them"
        )
    if not _has_threshold(session, move.model):
        return "the model has no threshold: state one under [model] in the site's file, or enroll enough people"
    return None


def _has_threshold(session: Session, model: FaceModel | None) -> bool:
    return model is None or model.least_cosine is not None or calibrations.load(session, model) is not None


def work(site: Site, most: int = BATCH) -> bool:
    """Embed up to `most` samples and store them; False when none was left. DevicemgrError when the model won't run."""
    with site.database.read() as session:
        move = face_models.load(session).move
        if move is None:
            return False
        target = site.gallery.name_of(move.model)
        ids = face_models.waiting(session, target, move.failed, most)
        sealed = {sample_id: rows.by_id(session, sample_id) for sample_id in ids}
    made = {sample_id: _embedded(site, found, move.model) for sample_id, found in sealed.items() if found is not None}
    with site.database.write(changes_site=False) as session:
        models = face_models.load(session)
        if models.move is None or not _same(site, models.move.model, move.model):
            return False
        for sample_id, embedding in made.items():
            if embedding is not None:
                _store(site, session, sample_id, target, embedding)
        if failed := [sample_id for sample_id, embedding in made.items() if embedding is None]:
            log.warning("Failed to embed %d kept samples by %s; enroll those photos again", len(failed), target)
            move = models.move.model_copy(update={"failed": (*models.move.failed, *failed)})
            face_models.save(session, models.model_copy(update={"move": move}))
    return bool(ids)


def _embedded(site: Site, sealed: rows.SealedSample, model: FaceModel | None) -> Embedding | None:
    try:
        (found,) = site.parts.faces.embed([face_samples.opened(site, sealed)], model)
    except KeyMissing as error:
        log.error("Failed to open a kept sample: %s", error)
        return None
    return found if found is not None and np.isfinite(found).all() else None


def _store(site: Site, session: Session, sample_id: str, model: str, embedding: Embedding) -> None:
    """Store an embedding, unless the sample, the consent or the person has been removed."""
    sealed, row = rows.by_id(session, sample_id), session.get(SampleRow, sample_id)
    if sealed is None or row is None:
        return
    person = session.get_one(PersonRow, row.person_id)
    if any(t.photo_mac == row.photo_mac and t.model == model for t in person.templates):
        return
    key = site.vault.data_key(person.id, sealed.wrapped_key)
    data = key.seal_template(np.ascontiguousarray(embedding, dtype="<f4").tobytes(), model)
    people.add_template(session, person, session.get_one(ConsentRow, row.consent_id), model, data, row.photo_mac)


def switch(site: Site) -> bool:
    """Put the new model in force once every sample is embedded; return False if it is not ready."""
    _calibrate_first(site)
    with site.database.write() as session:
        models = face_models.load(session)
        move = models.move
        if move is None or _progress(site, session, models, move)["state"] != "ready":
            return False
        before = () if _same(site, models.active, move.model) else (models.active,)
        face_models.save(session, FaceModels(active=move.model, before=before))
        names = {"model": site.gallery.name_of(move.model), "before": site.gallery.name_of(models.active)}
        _record(site, session, "admin.model_switched", "migration", names)
    site.gallery.refresh()
    return True


def _calibrate_first(site: Site) -> None:
    """Calibrate a model without a threshold on the new gallery, which is built here beside the old one."""
    with site.database.read() as session:
        models = face_models.load(session)
        move = models.move
        if move is None or _has_threshold(session, move.model):
            return
        if _progress(site, session, models, move)["state"] == "working":
            return
    keeper = GalleryKeeper(
        site.database,
        site.vault,
        site.parts.build_gallery,
        site.parts.model,
        site.home.cache / "gallery.next",
        face_models.target,
    )
    try:
        calibration.calibrate_gallery(site, keeper, "migration", calibration.DEFAULT_FPIR)
    except InvalidInput as error:
        log.info("Failed to calibrate the new face model: %s", error)


class Migration:
    """Works on a migration in its own thread, whenever there is one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def consider(self) -> None:
        """Start the thread if there is a migration and none is running; return at once."""
        with self._site.database.read() as session:
            move = face_models.load(session).move
        if move is None or self._stopping.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="migration", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Stop after the batch in work, and wait for it at most so many seconds."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and work(self._site):
                pass
            if not self._stopping.is_set() and switch(self._site):
                log.info("Faces are recognized by %s from now on", self._site.gallery.current.stats().model)
        except DevicemgrError as error:
            log.error("Failed to migrate to another face model: %s", error)
        except Exception:
            log.exception("Failed to migrate to another face model")


def _named(site: Site, session: Session, models: FaceModels, name: str) -> FaceModel | None:
    if name in (OWN_NAME, site.parts.model):
        return None
    declared = settings.load(session).model
    known = [declared, models.move.model if models.move else None, *models.before, models.active]
    for model in known:
        if model is not None and name in (model.name, model.template_name):
            return model
    raise NotFound(
        f"there is no face model '{safe(name, 60)}'; describe it under [model] in the site's file",
        hint=Hint("apply_site_file"),
    )


def _same(site: Site, one: FaceModel | None, other: FaceModel | None) -> bool:
    return site.gallery.name_of(one) == site.gallery.name_of(other)


def _spoken(model: FaceModel | None) -> str:
    return OWN_NAME if model is None else model.name


def _record(site: Site, session: Session, kind: str, actor: str, detail: dict[str, Any]) -> None:
    site.ledger.append(session, [audit_fact(kind, actor, detail)])

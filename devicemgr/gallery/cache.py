"""Keeps the gallery in memory in sync with the store; a reader always sees one whole version."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from devicemgr.domain.face_model import FaceModel
from devicemgr.domain.ports.recognition import Calibration, Embedding, Gallery, GalleryLoader
from devicemgr.errors import KeyMissing
from devicemgr.gallery import cache_file
from devicemgr.store.database import Database, Session, revision
from devicemgr.store.people import calibrations, face_models, face_templates
from devicemgr.store.sqlite_errors import reading_stored
from devicemgr.vault import Vault

log = logging.getLogger(__name__)

# Below this the templates are opened one by one quickly enough.
KEEP_FROM = 2_000


class GalleryKeeper:
    """Loads templates of people whose consent is in force; opened ones are kept, so that a change costs little."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        build: GalleryLoader,
        model: str,
        file: Path,
        pick: Callable[[Session], FaceModel | None] = face_models.active,
    ) -> None:
        """`file` is where a big gallery is kept, sealed, for a quick start.

        `pick` says whose templates these are: a user's model, or None for the product's, whose name is `model`.
        """
        self._pick = pick
        self._own: FaceModel | None = None
        self._file = file
        self._saved = -1
        self._database = database
        self._vault = vault
        self._build = build
        self._model = model
        self._lock = threading.Lock()
        self._opened: dict[str, Embedding] = {}
        self._gallery: Gallery | None = None
        self._calibration: Calibration | None = None
        self._loaded: list[tuple[str, Embedding]] = []
        self._revision = -1

    @property
    def current(self) -> Gallery:
        """The gallery last loaded, without a look at the store."""
        gallery = self._gallery
        return gallery if gallery is not None else self.refresh()

    @property
    def own(self) -> FaceModel | None:
        """The user's model of the gallery last loaded; None for the product's."""
        return self._own

    def name_of(self, own: FaceModel | None) -> str:
        """Return what templates of a model carry."""
        return self._model if own is None else own.template_name

    @property
    def calibration(self) -> Calibration | None:
        """What is in force since the last look at the store; None before the first calibration."""
        return self._calibration

    def rows(self) -> list[tuple[str, Embedding]]:
        """Return the opened templates of the gallery last loaded, by person."""
        with self._lock:
            return list(self._loaded)

    def refresh(self) -> Gallery:
        """Return the gallery as the store has it now, rebuilt only when something changed."""
        with self._lock:
            with self._database.read() as session:
                found = revision(session)
                if self._gallery is None or found != self._revision:
                    self._gallery = self._load(session, found)
            return self._gallery

    def _load(self, session: Session, version: int) -> Gallery:
        """Rebuilt only when faces or what decides about them changed: most changes of people are of other kinds."""
        own = self._pick(session)
        with reading_stored("templates"):
            loaded = self._rows(session, self.name_of(own))
            calibration = calibrations.load(session, own)
        gallery, known = self._gallery, (self._own, self._calibration)
        if gallery is None or (own, calibration) != known or not _same(loaded, self._loaded):
            self._loaded, self._calibration = loaded, calibration
            gallery = self._built(version, own)
            self._own = own
        self._revision = version
        return gallery

    def _built(self, version: int, own: FaceModel | None) -> Gallery:
        return self._build(self._loaded, version, self._calibration, own, self._gallery)

    def save(self) -> bool:
        """Keep a big gallery in its file, when it changed since; True when it was written."""
        with self._lock:
            if len(self._opened) < KEEP_FROM or self._saved == self._revision:
                return False
            wrapped = cache_file.save(self._vault, self._file, self._opened, self.name_of(self._own))
            with self._database.write(changes_site=False) as session:
                if revision(session) != self._revision:
                    return False
                cache_file.adopt(session, wrapped)
            self._saved = self._revision
            return True

    def _rows(self, session: Session, model: str) -> list[tuple[str, Embedding]]:
        listed = face_templates.index(session, model)
        if self._gallery is None and len(listed) >= KEEP_FROM:
            self._opened = cache_file.load(session, self._vault, self._file, model)
        # By template and person: a row that was moved to another person is decrypted again, which fails, as it must.
        named = [(f"{template_id}|{person}", template_id, person) for template_id, person in listed]
        opened = {name: self._opened[name] for name, _, _ in named if name in self._opened}
        opened.update(self._open(session, [template_id for name, template_id, _ in named if name not in opened]))
        self._opened = opened
        return [(person, opened[name]) for name, _, person in named if name in opened]

    def _open(self, session: Session, ids: list[str]) -> Iterator[tuple[str, Embedding]]:
        for template_id, sealed in face_templates.sealed_many(session, ids):
            try:
                yield f"{template_id}|{sealed.person_id}", open_template(self._vault, sealed)
            except KeyMissing as error:
                log.error("template %s is left out: %s", template_id, error)


def _same(rows: list[tuple[str, Embedding]], others: list[tuple[str, Embedding]]) -> bool:
    """Whether these are the same opened templates of the same people; an opened template is one object for good."""
    return len(rows) == len(others) and all(
        one == other and vector is known for (one, vector), (other, known) in zip(rows, others, strict=True)
    )


def open_template(vault: Vault, sealed: face_templates.SealedTemplate) -> Embedding:
    """Decrypt one template to a float32 vector; KeyMissing when it was altered or moved."""
    key = vault.data_key(sealed.person_id, sealed.wrapped_key)
    return np.frombuffer(key.open_template(sealed.data, sealed.model), dtype="<f4").copy()

"""Keeps the gallery in memory in step with the store; a reader always sees one whole version."""

import logging
import threading
from collections.abc import Iterator

import numpy as np

from devicemgr.errors import KeyMissing
from devicemgr.ports import Calibration, Embedding, Gallery, GalleryLoader
from devicemgr.store import calibrations, templates
from devicemgr.store.database import Database, Session, revision
from devicemgr.vault import Vault

log = logging.getLogger(__name__)


class GalleryKeeper:
    """Loads templates of people whose consent is in force; opened ones are kept, so that a change costs little."""

    def __init__(self, database: Database, vault: Vault, build: GalleryLoader, model: str) -> None:
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
    def calibration(self) -> Calibration | None:
        """What is in force since the last look at the store; None before the first calibration."""
        return self._calibration

    def rows(self) -> list[tuple[str, Embedding]]:
        """The opened templates of the gallery last loaded, by person."""
        with self._lock:
            return list(self._loaded)

    def refresh(self) -> Gallery:
        """The gallery as the store has it now, rebuilt only when something changed."""
        with self._lock:
            with self._database.read() as session:
                found = revision(session)
                if self._gallery is None or found != self._revision:
                    self._loaded = self._rows(session)
                    self._calibration = calibrations.load(session)
                    self._gallery = self._build(self._loaded, found, self._calibration)
                    self._revision = found
            return self._gallery

    def _rows(self, session: Session) -> list[tuple[str, Embedding]]:
        listed = templates.index(session, self._model)
        opened = {index.id: self._opened[index.id] for index in listed if index.id in self._opened}
        opened.update(self._open(session, [index.id for index in listed if index.id not in opened]))
        self._opened = opened
        return [(index.person_id, opened[index.id]) for index in listed if index.id in opened]

    def _open(self, session: Session, ids: list[str]) -> Iterator[tuple[str, Embedding]]:
        for template_id, sealed in templates.sealed_many(session, ids):
            try:
                yield template_id, open_template(self._vault, sealed)
            except KeyMissing as error:
                log.error("template %s is left out: %s", template_id, error)


def open_template(vault: Vault, sealed: templates.SealedTemplate) -> Embedding:
    """Decrypt one template to a float32 vector; KeyMissing when it was altered or moved."""
    key = vault.data_key(sealed.person_id, sealed.wrapped_key)
    return np.frombuffer(key.open_template(sealed.data, sealed.model), dtype="<f4").copy()

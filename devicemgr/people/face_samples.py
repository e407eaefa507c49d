"""Kept samples: the faces of enrollment photos, where a site's settings want them, sealed under each person's own key.

Destroying that key shreds them wherever copies of the database lie. Consoles get them, and a new face model is fed
with them.
"""

import struct
import uuid

from devicemgr.domain.ports.recognition import Box, FaceCrop
from devicemgr.errors import KeyMissing
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.people import people, samples
from devicemgr.store.tables import ConsentRow, PersonRow, SampleRow
from devicemgr.vault import DataKey

# The face's place, top, right, bottom and left, before the JPEG.
_PLACE = struct.Struct(">4H")


def keep(
    session: Session, row: PersonRow, consent: ConsentRow, key: DataKey, photo_mac: bytes, crop: FaceCrop | None
) -> bool:
    """Store one face; return False if there is none to store, or it is there already."""
    if crop is None or any(sample.photo_mac == photo_mac for sample in row.samples):
        return False
    sealed = key.seal_sample(_packed(crop), photo_mac)
    row.samples.append(
        SampleRow(
            id=str(uuid.uuid4()),
            person_id=row.id,
            consent_id=consent.id,
            sealed=sealed,
            photo_mac=photo_mac,
            created=people.now_text(),
        )
    )
    session.flush()
    return True


def opened(site: Site, sealed: samples.SealedSample) -> FaceCrop:
    """Return one kept face; KeyMissing if it was altered or moved."""
    key = site.vault.data_key(sealed.person_id, sealed.wrapped_key)
    return _unpacked(key.open_sample(sealed.data, sealed.photo_mac))


def sample_jpeg(site: Site, person_id: str) -> bytes | None:
    """Return the newest kept face of a person with a consent in force: a JPEG of at most 640 pixels a side, or None."""
    with site.database.read() as session:
        sealed = samples.newest(session, person_id)
    return opened(site, sealed).jpeg if sealed is not None else None


class KeptSamples:
    """A site's kept faces, as devices are given them (holdings.Samples)."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def digests(self) -> dict[str, str]:
        """Return what names each person's newest kept face."""
        with self._site.database.read() as session:
            return samples.newest_ids(session)

    def jpeg(self, person_id: str) -> bytes | None:
        """Return the newest kept face of a person."""
        return sample_jpeg(self._site, person_id)


def _packed(crop: FaceCrop) -> bytes:
    box = crop.box
    return _PLACE.pack(*(max(0, edge) for edge in (box.top, box.right, box.bottom, box.left))) + crop.jpeg


def _unpacked(data: bytes) -> FaceCrop:
    if len(data) <= _PLACE.size:
        raise KeyMissing("a kept face is damaged; enroll that photo again")
    top, right, bottom, left = _PLACE.unpack_from(data)
    return FaceCrop(data[_PLACE.size :], Box(top, right, bottom, left))

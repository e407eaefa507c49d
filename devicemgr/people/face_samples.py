"""Kept samples: the faces of enrollment photos, where a site's settings want them, sealed under each person's own key.

Destroying that key shreds them wherever copies of the database lie. Consoles get them, and a new face model is fed
with them.
"""

import io
import struct
import uuid
from datetime import datetime, time

from PIL import Image

from devicemgr.domain.ports.recognition import Box, FaceCrop
from devicemgr.errors import Hint, KeyMissing, NotFound, SwitchedOff
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people, samples
from devicemgr.store.site import settings
from devicemgr.store.tables import ConsentRow, PersonRow, SampleRow
from devicemgr.text import rfc3339
from devicemgr.vault import DataKey

PHOTO_SHOWN = "admin.photo_shown"
MAX_SHOWN_PX = 160
_DAMAGED = "a kept face is damaged; enroll that photo again"
_MAX_VIEWS = 1000  # of one person on a day, of which an operator's is sought
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


def shows_photos(found: settings.Settings) -> bool:
    """Return True where a site's settings let kept faces be shown beside decisions."""
    return found.show_photos and found.keep_samples


def shown_photo(site: Site, actor: str, badge: str) -> bytes:
    """Return a person's newest kept face, to be shown beside a decision about them: a JPEG of at most MAX_SHOWN_PX.

    The first view by an operator of a person on a day of the site is on record before the picture is given.
    Raises SwitchedOff where the site shows none, NotFound for a person without a kept face or without a consent.
    """
    with site.database.read() as session:
        if not shows_photos(settings.load(session)):
            raise SwitchedOff(
                "this site shows no photos",
                code="photos_off",
                hint=Hint("turn_on_photos"),
            )
        row = people.get(session, badge)
        sealed = samples.newest(session, row.id)
        has_seen = _has_seen(session, actor, row)
    if sealed is None:
        raise NotFound(f"there is no photo of {row.badge} to show", code="photo_not_found", facts={"name": row.badge})
    photo = _reduced(opened(site, sealed).jpeg)
    if not has_seen:
        with unit_of_work(site, actor, changes_site=False) as work:
            _record_shown(work, row.badge)
    return photo


def _record_shown(work: UnitOfWork, badge: str) -> None:
    row = people.get(work.session, badge)
    if work.actor is not None and not _has_seen(work.session, work.actor, row):
        work.record(PHOTO_SHOWN, {}, person_id=row.id)


def _has_seen(session: Session, actor: str, row: PersonRow) -> bool:
    """Return True if it is on record that the operator was shown this person's photo since the site's day began."""
    today = datetime.now(settings.load(session).zone)
    begun = datetime.combine(today, time.min, today.tzinfo).astimezone()
    wanted = EventFilter(badge=row.badge, kind=PHOTO_SHOWN, since=rfc3339(begun))
    return any(event["actor"] == actor for event in events.find(session, wanted, _MAX_VIEWS))


def _reduced(jpeg: bytes) -> bytes:
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            picture.thumbnail((MAX_SHOWN_PX, MAX_SHOWN_PX))
            picture.convert("RGB").save(buffer, "JPEG", quality=85)
    except OSError as error:
        raise KeyMissing(_DAMAGED) from error
    return buffer.getvalue()


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
        raise KeyMissing(_DAMAGED)
    top, right, bottom, left = _PLACE.unpack_from(data)
    return FaceCrop(data[_PLACE.size :], Box(top, right, bottom, left))

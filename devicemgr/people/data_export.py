"""The data subject's copy: everything that is kept about one person, and where."""

import base64
from typing import Any

from devicemgr.people import face_enrollment, face_samples
from devicemgr.people.visits import service as visit_service
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import consents, credentials, people, samples as sample_rows
from devicemgr.store.people.card_states import block_of
from devicemgr.store.site import device_sync
from devicemgr.store.tables import CredentialRow, PersonRow
from devicemgr.store.visits import rows as visits

_PAGE = 10_000


def everything_of(site: Site, badge: str, *, vectors: bool = False) -> dict[str, Any]:
    """Return all that is stored of a person; templates without their vectors, kept photos as JPEG (base64).

    With `vectors` the templates' vectors too.
    """
    with site.database.read() as session:
        row = people.get(session, badge)
        return people.as_json(row) | {
            "id": row.id,
            "source_id": row.source_id,
            "missing_since": row.missing_since,
            "host_of": people.guests_of(session, row.id),
            "consents": [consents.as_json(consent) for consent in row.consents],
            "templates": [
                {"model": t.model, "created": t.created, "bytes": len(t.sealed)}
                | ({"vector": face_enrollment.vector(site, session, t.id)} if vectors else {})
                for t in row.templates
            ],
            "samples": _photos(site, row),
            # Not the duress PIN: the copy may be read by the one who forces its owner to ask for it.
            "credentials": [_credential_json(one) for one in row.credentials if one.kind != credentials.DURESS_PIN],
            "held_by_devices": device_sync.places_of(session, [row.id])[row.id],
            "in_backups": row.backup_key is not None,
            "visit": _visit(session, row),
            "events": _events(session, row.badge),
        }


def _visit(session: Session, row: PersonRow) -> dict[str, Any] | None:
    return (
        visit_service.json_of(session, visits.visit(session, row.badge)) if visits.is_visit(session, row.id) else None
    )


def _credential_json(row: CredentialRow) -> dict[str, Any]:
    found = {"kind": row.kind, "created": row.created}
    return found | {"number": row.value, "until": row.until, "blocked": block_of(row)} if row.kind == "card" else found


def _photos(site: Site, row: PersonRow) -> list[dict[str, Any]]:
    found = []
    for sample in row.samples:
        assert row.wrapped_key is not None
        sealed = sample_rows.SealedSample(row.id, sample.consent_id, row.wrapped_key, sample.photo_mac, sample.sealed)
        jpeg = face_samples.opened(site, sealed).jpeg
        found.append({"created": sample.created, "jpeg": base64.b64encode(jpeg).decode()})
    return found


def _events(session: Session, badge: str) -> list[dict[str, Any]]:
    """Return all events of a person, read page by page."""
    found: list[dict[str, Any]] = []
    after = 0
    while page := events.find(session, EventFilter(badge=badge, after=after), _PAGE):
        found += page
        after = page[-1]["seq"]
    return found

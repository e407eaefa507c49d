"""The seals over the record, and what the places outside the home remember of them."""

from typing import Any

from devicemgr.domain import anchor_address
from devicemgr.errors import DevicemgrError, StorageFailed
from devicemgr.ledger import anchors
from devicemgr.ledger.sealer import read_key
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, seals as rows
from devicemgr.store.site import settings
from devicemgr.text import safe


def overview(site: Site, limit: int, before: int | None = None) -> dict[str, Any]:
    """Return the newest seals, those before a number if one is given, and how each anchor agrees with them."""
    key = read_key(site.home.seal_key)
    with site.database.read() as session:
        found = rows.newest(session, limit, before)
        newest = rows.last(session)
        return {
            "root": key.root if key else None,
            "events": events.head(session)[0],
            "sealed": newest.seq if newest else None,
            "removed_through": key.removed.through if key and key.removed else None,
            "seals": [seal.as_json() for seal in found],
            "anchors": [_anchor(session, text, key.root if key else None) for text in settings.load(session).anchors],
        }


def _anchor(session: Session, text: str, root: str | None) -> dict[str, Any]:
    """Return an anchor with the newest seal that it remembers; only files can be read back."""
    answer: dict[str, Any] = {
        "address": text,
        "kind": "file",
        "seal": None,
        "time": None,
        "agrees": None,
        "cause": None,
    }
    try:
        place = anchor_address.parse(text)
    except ValueError as error:
        return answer | {"kind": "unknown", "cause": safe(str(error))}
    if place.path is None:
        return answer | {"kind": "url" if place.url else "syslog"}
    try:
        last = anchors.newest(place.path)
    except (DevicemgrError, StorageFailed) as error:
        return answer | {"agrees": False, "cause": str(error)}
    stored = rows.numbered(session, [last.seal.number]).get(last.seal.number)
    agrees = last.root == root and stored == last.seal
    return answer | {"seal": last.seal.number, "time": safe(last.seal.time), "agrees": agrees}

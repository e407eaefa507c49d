"""Use cases of outlets: add, change, pause and remove them, and set their secrets, in a unit of work."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.outgoing.reports import OF_PERSONS
from devicemgr.errors import AlreadyExists, Hint, InvalidInput
from devicemgr.site.outlets import signing
from devicemgr.site.outlets.channels import CHANNELS
from devicemgr.site.outlets.fields import OutletFields, fields_of, place_of
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.store.site import portals, settings
from devicemgr.text import rfc3339, safe, slug

MAX_OUTLETS = 50
"""Each has a thread, which looks at the record at each commit."""
_KEPT_OF_MAILS = frozenset({"collected", "open", "late", "reports", "reports_since"})
_KEPT = _KEPT_OF_MAILS | {rows.REPORTED}
MAX_SECRETS = 2
"""While one takes the other's place, both are valid."""


def add_outlet(work: UnitOfWork, name: str, fields: OutletFields, *, is_paused: bool = False) -> OutletRow:
    """Add an outlet, which gives out what is recorded from now on; AlreadyExists if the name is taken."""
    slug("outlet", name)
    if work.session.get(OutletRow, name):
        raise AlreadyExists(
            f"outlet '{name}' exists; choose another name, or change it", hint=Hint("edit_outlet", name=name)
        )
    if rows.count(work.session) >= MAX_OUTLETS:
        raise InvalidInput(f"there are {MAX_OUTLETS} outlets, the most that a site has; remove one")
    _require_portals(work, fields)
    _require_attendance(work, fields)
    _require_sole_client(work, name, fields)
    rows.make_site_id(work.session)
    seq, _ = events.head(work.session)
    stated = fields.stated()
    state = _reports_begin(fields, {})
    row = OutletRow(name=name, kind=fields.kind, stated=stated, cursor=seq, paused=is_paused, state=state)
    work.session.add(row)
    work.session.flush()
    work.record("admin.outlet_added", {"outlet": name}, after=_shown(stated))
    return row


def put_outlet(work: UnitOfWork, name: str, fields: OutletFields, *, is_paused: bool = False) -> tuple[OutletRow, bool]:
    """Add the outlet, or make an existing one state exactly this; return it, and True if it was added.

    One that is changed tries again at once. `is_paused` pauses it where it is new or changed. A password is for one
    server: it is removed when the outlet goes to another one.
    """
    row = work.session.get(OutletRow, name)
    if row is None:
        return add_outlet(work, name, fields, is_paused=is_paused), True
    stated = fields.stated()
    if row.stated != stated:
        _require_portals(work, fields)
        _require_attendance(work, fields)
        _require_sole_client(work, name, fields)
        if row.kind != fields.kind:
            row.cursor = rows.given_through(row)
            row.state = {name: value for name, value in row.state.items() if name not in _KEPT_OF_MAILS}
        if fields.reports != fields_of(row).reports:
            row.state = row.state | _reports_begin(fields, row.state.get("reports", {}))
        before, goes_elsewhere = row.stated, _goes_elsewhere(fields_of(row), fields)
        row.stated, row.kind = stated, fields.kind
        if goes_elsewhere:
            rows.set_secrets(row, work.site.vault, ())
        row.paused = row.paused or is_paused
        _changed(row)
        work.session.flush()
        work.record("admin.outlet_edited", {"outlet": name}, before=_shown(before), after=_shown(stated))
    return row, False


def remove_outlet(work: UnitOfWork, name: str) -> None:
    """Remove an outlet and its secrets."""
    row = rows.outlet(work.session, name)
    if row.state.get(rows.REPORTED):
        work.record(Kind.ALARM_ENDED, {"alarm": Kind.OUTLET_FAILING, "outlet": name, "cause": "it was removed"})
    work.record("admin.outlet_removed", {"outlet": name}, before=_shown(row.stated))
    work.session.delete(row)
    work.session.flush()


def pause(work: UnitOfWork, name: str, *, is_paused: bool) -> OutletRow:
    """Let an outlet wait, or go on where it has stopped."""
    row = rows.outlet(work.session, name)
    if row.paused != is_paused or row.state.get("stopped"):
        row.paused = is_paused
        _changed(row)
        work.record("admin.outlet_paused" if is_paused else "admin.outlet_resumed", {"outlet": name})
    return row


def replay(work: UnitOfWork, name: str, first: int) -> OutletRow:
    """Let an outlet give out once more all events from seq `first` on."""
    row = rows.outlet(work.session, name)
    head, _ = events.head(work.session)
    if not 1 <= first <= head + 1:
        raise InvalidInput(f"there is no event {first} yet; choose one from 1 to {head}")
    held = rows.held_from(row.state)
    row.cursor = min(first, held or first) - 1
    row.state = {name: value for name, value in row.state.items() if name != "collected"}
    _changed(row)
    work.record("admin.outlet_replayed", {"outlet": name, "from": first})
    return row


def set_secret(
    work: UnitOfWork, name: str, secret: str | None, *, keeps_last: bool, is_asymmetric: bool = False
) -> str:
    """Set an outlet's secret, return it. The one before stays valid if `keeps_last`.

    It is a key that signs, a new random one for None, or the password at the receiver.
    """
    row = rows.outlet(work.session, name)
    if CHANNELS[row.kind].signs:
        found = _signing_key(secret, is_asymmetric=is_asymmetric)
    else:
        found = _password(row.kind, secret, keeps_last=keeps_last, is_asymmetric=is_asymmetric)
    before = rows.secrets_of(row, work.site.vault) if keeps_last else ()  # which may be what does not open any more
    kept = (found, *(one for one in before if one != found))[:MAX_SECRETS]
    rows.set_secrets(row, work.site.vault, kept)
    _changed(row)
    work.record("admin.outlet_secret_set", {"outlet": name, "valid": len(kept)})
    return found


def _signing_key(secret: str | None, *, is_asymmetric: bool) -> str:
    if secret is not None and is_asymmetric and not secret.startswith(signing.PRIVATE):
        raise InvalidInput(f"a private key begins with {signing.PRIVATE}; give none for a new one")
    found = signing.made(is_asymmetric=is_asymmetric) if secret is None else secret
    signing.signer_of(found)
    return found


def _password(kind: str, secret: str | None, *, keeps_last: bool, is_asymmetric: bool) -> str:
    if is_asymmetric:
        raise InvalidInput(f"an outlet of kind {kind} signs nothing; leave asymmetric out")
    if "user" not in CHANNELS[kind].own:
        raise InvalidInput(f"an outlet of kind {kind} has no secret; its receiver is known by its certificate")
    if not secret or not secret.isprintable():
        raise InvalidInput("give the password at the receiver, in one line")
    if keeps_last:
        raise InvalidInput("an outlet has one password; leave keep_last out")
    return secret


def _goes_elsewhere(before: OutletFields, after: OutletFields) -> bool:
    """Return True where a secret would go to another server, or by a way that proves less."""
    if before.kind != after.kind:
        return True
    is_bare = after.insecure and not before.insecure
    return not after.channel.signs and (is_bare or place_of(before) != place_of(after))


def _changed(row: OutletRow) -> None:
    """Forget what the last tries left, but for an alarm that is still to be ended, and what mails have still to say."""
    row.version += 1
    row.state = {name: value for name, value in row.state.items() if name in _KEPT and value}


def _reports_begin(fields: OutletFields, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the state by which reports that were not there before leave from now on; `sent` is of those before."""
    if not fields.reports:
        return {}
    kept = {one.key: sent[one.key] for one in fields.reports if one.key in sent}
    return {"reports_since": rfc3339(datetime.now(UTC)), "reports": kept}


def _require_attendance(work: UnitOfWork, fields: OutletFields) -> None:
    """Raise SwitchedOff where a report of persons' times is stated and the site evaluates none."""
    if any(one.report in OF_PERSONS for one in fields.reports):
        settings.require_attendance(work.session)


def _require_portals(work: UnitOfWork, fields: OutletFields) -> None:
    known = {row.name for row in portals.portals(work.session)}
    unknown = next((name for name in fields.portals if name not in known), None)
    if unknown is not None:
        raise InvalidInput(
            f"there is no portal '{safe(unknown, 60)}'; add it first, or leave it out", hint=Hint("list_portals")
        )


def _shown(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what bears on what leaves, as the record keeps it for good.

    Certificates are long, and some receivers take a token in the query of their address.
    """
    address, mark, _ = stated["url"].partition("?")
    return {name: value for name, value in stated.items() if name != "tls_ca"} | {
        "url": f"{address}?…" if mark else address
    }


def _require_sole_client(work: UnitOfWork, name: str, fields: OutletFields) -> None:
    """Raise InvalidInput for a second connection to a broker, which ends the first (MQTT 5.0, 3.1.4)."""
    if fields.kind != "mqtt":
        return
    place = place_of(fields)
    for other in rows.outlets(work.session):
        if other.name == name or other.kind != fields.kind:
            continue
        found = place_of(fields_of(other))
        if (found.host, found.port) == (place.host, place.port):
            raise InvalidInput(
                f"outlet '{other.name}' is this site's connection to that broker already; change that one"
            )

"""Consents of people: their terms, checks before a face is enrolled, renewal and expiry."""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from devicemgr.domain.model import PersonKind
from devicemgr.errors import ConsentEnded, ConsentWithdrawn, Hint, InvalidInput, NotFound
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import consents, credentials, departments, grants, people
from devicemgr.store.site import settings
from devicemgr.store.tables import ConsentRow, PersonRow
from devicemgr.text import parse_end, reference, rfc3339

EXPIRED = "admin.consent_expired"


@dataclass(frozen=True, slots=True)
class Terms:
    """The signed form's reference; the notice's version and the end (RFC 3339), where there are such.

    `bulk`: an import names them for many people at once.
    """

    reference: str
    notice: str | None = None
    until: str | None = None
    bulk: bool = False


def agreed(session: Session, form: str, notice: str | None = None, until: str | None = None) -> Terms:
    """Return checked terms, completed by the site's settings; InvalidInput if they make no sense."""
    found = settings.load(session)
    end = parse_end(until, found.zone) if until else None
    if end is None and found.consent_days:
        end = clock_of(session).earliest() + timedelta(days=found.consent_days)
    if end is not None and end <= clock_of(session).now():
        raise InvalidInput("the consent would have ended already", hint=Hint("pass_later_end"))
    version = (notice or found.notice).strip()
    if len(version) > 64 or any(unicodedata.category(c).startswith("C") for c in version):
        raise InvalidInput("a notice's version has up to 64 printable characters, such as 2026-11")
    return Terms(reference(form), version or None, rfc3339(end) if end else None)


def require_not_withdrawn(row: PersonRow, terms: Terms) -> None:
    """Raise ConsentWithdrawn if this person has withdrawn the consent of this reference.

    An import names one reference for many people, so it proves nothing of what one of them wants: it also enrolls no
    person whose newest consent is withdrawn, whatever its reference, and raises ConsentEnded for a reference that has
    expired.
    """
    person = f"{row.name} (badge {row.badge})"
    refused = consents.withdrawn(row, terms.reference)
    if refused is not None:
        raise ConsentWithdrawn(
            f"{person} withdrew the consent {refused.reference} on {_day(refused.withdrawn)}; "
            "give the reference of a new one that they have signed since"
        )
    if terms.bulk and (refused := consents.newest_withdrawn(row)) is not None:
        raise ConsentWithdrawn(
            f"{person} withdrew their consent on {_day(refused.withdrawn)}; an import does not bring a face back, a "
            "consent that they have signed since does",
            hint=Hint("enroll_photo", badge=row.badge),
        )
    if terms.bulk and (ended := consents.run_out(row, terms.reference)) is not None:
        raise ConsentEnded(
            f"the consent {ended.reference} of {person} ended on {_day(ended.until)}; give the reference of a new one"
        )


def _day(time: str | None) -> str:
    return (time or "")[:10]


def rights_of_consent(row: PersonRow) -> dict[str, Any] | None:
    """Return what a person's consent allows and until when; the form's reference may name a person.

    One whose end has come counts until that is recorded, so that each event begins where the one before it ended.
    """
    consent = consents.standing(row)
    return {"notice": consent.notice, "until": consent.until} if consent else None


def rights_of(row: PersonRow) -> dict[str, Any]:
    """Return the right-bearing fields of a person, without name and card numbers."""
    return {
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "suspended": row.suspended,
        "levels": sorted(grants.lasting(row)),
        **({"grants": limited} if (limited := grants.rights_of_grants(grants.limited(row))) else {}),
        **({"department_levels": by_department} if (by_department := departments.levels_of(row)) else {}),
        **_rights_of_cards(row),
        "pin": any(credential.kind == credentials.PIN for credential in row.credentials),
        "consent": rights_of_consent(row),
        **({"kind": row.kind} if row.kind != PersonKind.STAFF else {}),
        **({"host_id": row.host_id} if row.host_id else {}),
        **({"escort": True} if row.escort else {}),
    }


def _rights_of_cards(row: PersonRow) -> dict[str, Any]:
    """Return how many cards a person has, and what limits them, without a number."""
    cards = credentials.card_rows(row)
    limits = {
        "card_ends": sorted(card.until for card in cards if card.until),
        "cards_blocked": sum(card.blocked is not None for card in cards),
        "cards_substituted": sum(card.substitute is not None for card in cards),
    }
    return {"cards": len(cards)} | {name: limit for name, limit in limits.items() if limit}


def give(work: UnitOfWork, row: PersonRow, terms: Terms) -> ConsentRow:
    """Record a consent of a person, unless one in force says the same, and return it."""
    before = {"consent": rights_of_consent(row)}
    consent, is_new = consents.give(work.session, row, terms.reference, terms.notice, terms.until)
    if is_new:
        detail = {"notice": terms.notice, "until": terms.until}
        after = {"consent": rights_of_consent(row)}
        work.record("admin.consent_given", detail, person_id=row.id, before=before, after=after)
    return consent


def renew(work: UnitOfWork, badge: str, form: str, notice: str | None, until: str | None) -> PersonRow:
    """Record a new consent of a person who has a face here; it counts from now on."""
    row = people.get(work.session, badge)
    if not row.templates:
        raise NotFound(
            f"{badge} has no face here; a photo takes the consent with it", hint=Hint("enroll_photo", badge=row.badge)
        )
    terms = agreed(work.session, form, notice, until)
    require_not_withdrawn(row, terms)
    give(work, row, terms)
    return row


class ConsentWatch:
    """Expires consents whose end has come; called by one thread, a few times a minute.

    A face is off with the next look at the store.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._off: frozenset[str] = frozenset()

    def look(self) -> None:
        """Record consents whose end has come.

        While the clock has jumped ahead, and may be set back, their faces are off and nothing is recorded for good.
        """
        at = rfc3339(self._site.clock.now())
        with self._site.database.read() as session:
            off = frozenset(row.id for row in consents.due(session, at))
        if off and not self._site.clock.ahead_s:
            self._expire(at)
            off = frozenset()
        elif off != self._off:
            with self._site.database.write():
                pass  # readers of the store look again
        self._off = off

    def _expire(self, at: str) -> None:
        with unit_of_work(self._site, None) as work:
            for consent in consents.due(work.session, at):
                consent.expired = at
                ended = {"consent": {"notice": consent.notice, "until": consent.until}}
                work.record(
                    EXPIRED,
                    {"until": consent.until},
                    person_id=consent.person_id,
                    before=ended,
                    after={"consent": None},
                )

"""Sealed templates as the gallery reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from devicemgr.store.people import consents
from devicemgr.store.tables import PersonRow, TemplateRow


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """What is needed to open a template."""

    person_id: str
    wrapped_key: bytes
    model: str
    data: bytes


def index(session: Session, model: str) -> list[tuple[str, str]]:
    """Return (id, person_id) of the templates of `model` of all people with a consent in force, by person."""
    consented = set(session.scalars(consents.consented(session)))
    query = select(TemplateRow.id, TemplateRow.person_id).where(TemplateRow.model == model)
    # By the connection itself: a session would look at each of tens of thousands of rows again.
    found = session.connection().execute(query.order_by(TemplateRow.person_id)).all()
    return [(template_id, person) for template_id, person in found if person in consented]


def sealed(session: Session, template_id: str) -> SealedTemplate:
    """Return one template with its person's wrapped key (empty when destroyed)."""
    return dict(sealed_many(session, [template_id]))[template_id]


def sealed_many(session: Session, ids: Sequence[str]) -> Iterator[tuple[str, SealedTemplate]]:
    """Yield templates by id; read a thousand at a time, since a site may have tens of thousands."""
    columns = (TemplateRow.id, TemplateRow.person_id, PersonRow.wrapped_key, TemplateRow.model, TemplateRow.sealed)
    query = select(*columns).join(PersonRow, PersonRow.id == TemplateRow.person_id)
    for start in range(0, len(ids), 1000):
        for row in session.execute(query.where(TemplateRow.id.in_(ids[start : start + 1000]))):
            yield row.id, SealedTemplate(row.person_id, row.wrapped_key or b"", row.model, row.sealed)

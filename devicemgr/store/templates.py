"""Sealed templates as the gallery reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from devicemgr.store.tables import ConsentRow, PersonRow, TemplateRow


@dataclass(frozen=True, slots=True)
class TemplateIndex:
    """Which template of whom."""

    id: str
    person_id: str


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """What is needed to open a template."""

    person_id: str
    wrapped_key: bytes
    model: str
    data: bytes


def index(session: Session, model: str) -> Sequence[TemplateIndex]:
    """Templates of `model` of everybody whose consent is in force, by person."""
    consented = exists().where(ConsentRow.person_id == TemplateRow.person_id, ConsentRow.withdrawn.is_(None))
    query = select(TemplateRow.id, TemplateRow.person_id).where(TemplateRow.model == model, consented)
    return [TemplateIndex(row.id, row.person_id) for row in session.execute(query.order_by(TemplateRow.person_id))]


def sealed(session: Session, template_id: str) -> SealedTemplate:
    """One template with its person's wrapped key (empty when destroyed)."""
    query = select(TemplateRow, PersonRow.wrapped_key).join(PersonRow, PersonRow.id == TemplateRow.person_id)
    row, wrapped = session.execute(query.where(TemplateRow.id == template_id)).one()
    return SealedTemplate(row.person_id, wrapped or b"", row.model, row.sealed)

"""Which face model is in force, which was before, and which one the site is on its way to: one JSON value."""

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from devicemgr.domain.face_model import FaceModel
from devicemgr.errors import DatabaseDamaged
from devicemgr.store.database import get_meta, set_meta
from devicemgr.store.people.consents import consented
from devicemgr.store.tables import PersonRow, SampleRow, TemplateRow

_KEY = "face_models"


class Move(BaseModel):
    """On the way to `model` (None: the product's own); `failed` are samples that it can't embed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: FaceModel | None
    allow_missing: bool = False
    failed: tuple[str, ...] = ()


class FaceModels(BaseModel):
    """`before` is the model of the way back, if there is one; None in it is the product's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    active: FaceModel | None = None
    before: tuple[FaceModel | None, ...] = ()
    move: Move | None = None


def load(session: Session) -> FaceModels:
    """Return what is stored; DatabaseDamaged if it is invalid: a guess could take one model's faces for another's."""
    text = get_meta(session, _KEY)
    try:
        return FaceModels() if text is None else FaceModels.model_validate_json(text)
    except ValidationError as error:
        raise DatabaseDamaged("what is stored of the face model is damaged; restore the database's backup") from error


def save(session: Session, models: FaceModels) -> None:
    """Store the models with the transaction."""
    set_meta(session, _KEY, models.model_dump_json())


def active(session: Session) -> FaceModel | None:
    """Return the user's model in force; None if it is the product's own."""
    return load(session).active


def target(session: Session) -> FaceModel | None:
    """Return the target of a migration; None for the product's own, and without a migration."""
    move = load(session).move
    return move.model if move else None


def waiting(session: Session, model: str, failed: tuple[str, ...], limit: int) -> list[str]:
    """Return ids of kept samples that `model` has no template of yet, person by person."""
    query = _waiting(session, model, failed).order_by(SampleRow.person_id, SampleRow.created, SampleRow.id).limit(limit)
    return list(session.scalars(query))


def waiting_people(session: Session, model: str, failed: tuple[str, ...]) -> set[str]:
    """Return ids of the people some of whose kept samples `model` has no template of yet."""
    return set(session.scalars(_waiting(session, model, failed).with_only_columns(SampleRow.person_id).distinct()))


def enrolled(session: Session, model: str) -> set[str]:
    """Return ids of the people with templates of `model` whose consent is in force."""
    query = select(TemplateRow.person_id).where(
        TemplateRow.model == model, TemplateRow.person_id.in_(consented(session))
    )
    return set(session.scalars(query.distinct()))


def badges(session: Session, people: set[str]) -> list[str]:
    """Return the badges of these people, sorted."""
    ids, found = sorted(people), list[str]()
    for start in range(0, len(ids), 1000):
        found += session.scalars(select(PersonRow.badge).where(PersonRow.id.in_(ids[start : start + 1000]))).all()
    return sorted(found)


def drop_templates(session: Session, but: set[str]) -> int:
    """Delete the templates of all models but these; return how many."""
    rows = session.scalars(select(TemplateRow).where(TemplateRow.model.not_in(but))).all()
    for row in rows:
        session.delete(row)
    session.flush()
    return len(rows)


def count(session: Session, model: str) -> int:
    """Return the number of templates of `model`."""
    return session.scalar(select(func.count()).select_from(TemplateRow).where(TemplateRow.model == model)) or 0


def _waiting(session: Session, model: str, failed: tuple[str, ...]) -> Select[str]:
    made = and_(
        TemplateRow.person_id == SampleRow.person_id,
        TemplateRow.photo_mac == SampleRow.photo_mac,
        TemplateRow.model == model,
    )
    query = select(SampleRow.id).join(PersonRow, PersonRow.id == SampleRow.person_id)
    return query.where(
        SampleRow.person_id.in_(consented(session)),
        PersonRow.wrapped_key.is_not(None),
        SampleRow.id.not_in(failed),
        ~select(TemplateRow.id).where(made).exists(),
    )

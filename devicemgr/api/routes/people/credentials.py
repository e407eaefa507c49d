"""/people/{badge}/cards and /people/{badge}/pin."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, SecretStr

from devicemgr.access.evidence.pins import hash_pin
from devicemgr.api.context import Ctx, Who
from devicemgr.domain.rules.card_formats import parse_number, require_format
from devicemgr.store.people import credentials, people

router = APIRouter(tags=["credentials"])


class NewCard(BaseModel):
    """A card's number as written: 80:58400, 5301280, 0x50E420, 04:AF:68:DA or raw:26:…"""

    model_config = ConfigDict(extra="forbid")
    number: str


class NewPin(BaseModel):
    """A PIN of 4 to 8 digits."""

    model_config = ConfigDict(extra="forbid")
    pin: SecretStr


@router.get("/cards")
def list_cards(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """All cards and whose they are."""
    with context.site.database.read() as session:
        return [
            {"number": number, "badge": row.badge, "name": row.name}
            for row in people.all_rows(session)
            for number in credentials.card_numbers(row)
        ]


@router.post("/people/{badge}/cards", status_code=201)
def assign_card(badge: str, body: NewCard, context: Ctx, caller: Who) -> dict[str, Any]:
    """Give a person a card; `formats` are those that its number fits."""
    number = parse_number(body.number)
    formats = list(require_format(number))
    with context.site.database.write() as session:
        row = people.get(session, badge)
        if credentials.assign_card(session, row, number):
            context.record(session, "admin.card_assigned", caller, {"cards": 1}, row.id)
        answer = {"badge": row.badge, "number": number, "cards": credentials.card_numbers(row), "formats": formats}
    context.runtime.site_changed()
    return answer


@router.delete("/people/{badge}/cards/{number}")
def remove_card(badge: str, number: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a person's card under all its notations; `removed` lists them, and whose they were."""
    number = parse_number(number)
    with context.site.database.write() as session:
        row = people.get(session, badge)
        removed = credentials.remove_card(session, row, number)
        for person_id in dict.fromkeys(card.person_id for card in removed):
            count = sum(card.person_id == person_id for card in removed)
            context.record(session, "admin.card_removed", caller, {"cards": count}, person_id)
        answer = {
            "badge": row.badge,
            "number": number,
            "cards": credentials.card_numbers(row),
            "removed": [{"number": card.number, "badge": card.badge} for card in removed],
        }
    context.runtime.site_changed()
    return answer


@router.put("/people/{badge}/pin")
def set_pin(badge: str, body: NewPin, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set or replace a person's PIN."""
    stored = hash_pin(body.pin.get_secret_value())
    with context.site.database.write() as session:
        row = people.get(session, badge)
        credentials.set_pin(session, row, stored)
        context.record(session, "admin.pin_set", caller, {}, row.id)
        answer = {"badge": row.badge, "pin": True}
    context.runtime.site_changed()
    return answer


@router.delete("/people/{badge}/pin")
def remove_pin(badge: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove a person's PIN."""
    with context.site.database.write() as session:
        row = people.get(session, badge)
        if credentials.remove_pin(session, row):
            context.record(session, "admin.pin_removed", caller, {}, row.id)
        answer = {"badge": row.badge, "pin": False}
    context.runtime.site_changed()
    return answer

"""/people/{badge}/cards and /people/{badge}/pin."""

from typing import Any

from fastapi import APIRouter

from devicemgr.access.evidence.pins import hash_pin
from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.revisions import IfMatch
from devicemgr.api.routes.people.models import Card, CardAssign, CardAssigned, CardRemoved, PinSet, PinState
from devicemgr.people import service
from devicemgr.store.people import credentials, people

router = APIRouter(tags=["credentials"])


@router.get("/cards", response_model=list[Card])
def list_cards(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List all cards by their holder's badge."""
    with context.site.database.read() as session:
        return [
            {"number": number, "badge": row.badge, "name": row.name}
            for row in people.all_rows(session)
            for number in credentials.card_numbers(row)
        ]


@router.post("/people/{badge}/cards", status_code=201, response_model=CardAssigned)
def assign_card(badge: str, body: CardAssign, context: Ctx, caller: Who) -> dict[str, Any]:
    """Assign a card to a person; `formats` are those that its number fits."""
    with context.change(caller) as work:
        row, card = service.assign_card(work, badge, body.number)
        return {
            "badge": row.badge,
            "number": card.number,
            "cards": credentials.card_numbers(row),
            "formats": card.formats,
        }


@router.delete("/people/{badge}/cards/{number}", response_model=CardRemoved)
def remove_card(badge: str, number: str, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Remove a person's card under all its notations; `removed` lists them, and whose they were."""
    with context.change(caller) as work:
        match.require(work.session)
        row, stored, removed = service.remove_card(work, badge, number)
        return {
            "badge": row.badge,
            "number": stored,
            "cards": credentials.card_numbers(row),
            "removed": [{"number": card.number, "badge": card.badge} for card in removed],
        }


@router.put("/people/{badge}/pin", response_model=PinState)
def set_pin(badge: str, body: PinSet, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Set or replace a person's PIN."""
    # Before the transaction: hashing takes a while, and the ledger waits for the database.
    pin_hash = hash_pin(body.pin.get_secret_value())
    with context.change(caller) as work:
        match.require(work.session)
        return {"badge": service.set_pin(work, badge, pin_hash).badge, "pin": True}


@router.delete("/people/{badge}/pin", response_model=PinState)
def remove_pin(badge: str, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Remove a person's PIN."""
    with context.change(caller) as work:
        match.require(work.session)
        return {"badge": service.remove_pin(work, badge).badge, "pin": False}

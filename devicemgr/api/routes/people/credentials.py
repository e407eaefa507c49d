"""/cards, /people/{badge}/cards and /people/{badge}/pin."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from devicemgr.access.evidence.pins import hash_pin, is_too_close
from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.revisions import IfMatch
from devicemgr.api.routes.people.card_models import (
    Card,
    CardAssign,
    CardAssigned,
    CardAwait,
    CardBlock,
    CardDescription,
    CardRemoved,
    CardReplace,
    CardReplaced,
    CardReturned,
)
from devicemgr.api.routes.people.models import PinSet, PinState
from devicemgr.errors import InvalidInput
from devicemgr.people import service
from devicemgr.people.cards import blocks, notations, replacement, shown_card, temporary
from devicemgr.store.people import credentials, people
from devicemgr.store.people.card_states import card_json

router = APIRouter(tags=["credentials"])

_DISCONNECT_POLL_S = 0.25

Form = Annotated[str | None, Query(alias="as", description="How the number is written; see the assignment of cards.")]


@router.get("/cards", response_model=list[Card])
def list_cards(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """List all cards by their holder's badge."""
    now = context.site.clock.now()
    with context.site.database.read() as session:
        return [
            {**card_json(row, card, now), "badge": row.badge, "name": row.name}
            for row in people.all_rows(session)
            for card in credentials.card_rows(row)
        ]


@router.get("/cards/{number}", response_model=CardDescription)
def show_card(number: str, context: Ctx, _: Who, form: Form = None) -> dict[str, Any]:
    """Describe a card: its notations, whose it is, and which readers can read it; it need not be anyone's."""
    return notations.describe(context.site, number, form)


@router.put("/cards/{number}/block", response_model=CardDescription)
def block_card(number: str, body: CardBlock, context: Ctx, caller: Who, form: Form = None) -> dict[str, Any]:
    """Block a card, such as a lost one: it opens nothing, and stays its holder's."""
    with context.change(caller) as work:
        stored = blocks.block(work, number, body.reason, form)
    return notations.describe(context.site, stored)


@router.delete("/cards/{number}/block", response_model=CardDescription)
def unblock_card(number: str, context: Ctx, caller: Who, form: Form = None) -> dict[str, Any]:
    """End the block of a card."""
    with context.change(caller) as work:
        stored = blocks.unblock(work, number, form)
    return notations.describe(context.site, stored)


@router.post("/people/{badge}/cards", status_code=201, response_model=CardAssigned)
def assign_card(badge: str, body: CardAssign, context: Ctx, caller: Who) -> dict[str, Any]:
    """Assign a card to a person, for good or until an end, and end its block.

    `formats` are the common ones that its number fits.
    """
    with context.change(caller) as work:
        row, card = service.assign_card(work, badge, body.number, form=body.form, unblock=True, term=body.term())
        return service.assigned_json(row, card.number, card.formats)


@router.post("/people/{badge}/cards/next", status_code=201, response_model=CardAssigned)
async def assign_next_card(badge: str, body: CardAwait, request: Request, context: Ctx, caller: Who) -> Any:
    """Assign the next card that is shown at a reader, which opens nothing; a client that disconnects cancels it."""
    place = shown_card.Place(body.device, body.channel, body.seconds)
    work = asyncio.ensure_future(
        run_in_threadpool(shown_card.assign, context.site, context.runtime, caller.actor, badge, place, body.term())
    )
    while not (await asyncio.wait({work}, timeout=_DISCONNECT_POLL_S))[0]:
        if await request.is_disconnected():
            place.cancelled.set()
    return await work


@router.post("/cards/{number}/return", response_model=CardReturned)
def return_card(number: str, context: Ctx, caller: Who, form: Form = None) -> dict[str, Any]:
    """Take a temporary card back: it opens nothing, and the card that it stood in for opens again."""
    with context.change(caller) as work:
        found = temporary.give_back(work, number, form)
        return {"number": found.number, "badge": found.row.badge, "name": found.row.name, "usual": found.usual}


@router.post("/cards/{number}/replacement", status_code=201, response_model=CardReplaced)
def replace_card(number: str, body: CardReplace, context: Ctx, caller: Who) -> dict[str, Any]:
    """Block a card for good and give its holder another, both or neither."""
    with context.change(caller) as work:
        found = replacement.replace(work, number, body.number, body.reason, body.form)
        return service.assigned_json(found.row, found.new, found.formats) | {"replaced": found.old}


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
    """Set or replace a person's PIN; with `duress` the one that opens likewise and signals that they are forced."""
    pin = body.pin.get_secret_value()
    # Before the transaction: hashing takes a while, and the ledger waits for the database.
    pin_hash = hash_pin(pin)
    other = _pin_of(context, badge, credentials.PIN if body.duress else credentials.DURESS_PIN)
    if other is not None and is_too_close(other, pin):
        raise InvalidInput(
            "this PIN is too much like another one of the person; change two places or more", code="pin_too_close"
        )
    with context.change(caller) as work:
        match.require(work.session)
        set_ = service.set_duress_pin if body.duress else service.set_pin
        return {"badge": set_(work, badge, pin_hash, other).badge, "pin": True}


def _pin_of(context: Ctx, badge: str, kind: str) -> str | None:
    with context.site.database.read() as session:
        return credentials.pin_of(people.get(session, badge), kind)


@router.delete("/people/{badge}/pin", response_model=PinState)
def remove_pin(
    badge: str,
    context: Ctx,
    caller: Who,
    match: IfMatch,
    duress: Annotated[bool, Query(description="Only the duress PIN, if there is one.")] = False,
) -> dict[str, Any]:
    """Remove a person's PIN, and with it the duress PIN; the answer does not say whether there was one."""
    with context.change(caller) as work:
        match.require(work.session)
        row = (service.remove_duress_pin if duress else service.remove_pin)(work, badge)
        return {"badge": row.badge, "pin": credentials.pin_of(row, credentials.PIN) is not None}

"""What is sent and answered about cards."""

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.api.routes.people.models import Badge, BlockState, Name, PersonCard, Substitute
from devicemgr.people.cards.replacement import Why
from devicemgr.people.cards.temporary import Term
from devicemgr.store.people.card_states import CardState

Form = Field(
    None,
    alias="as",
    examples=["wiegand26"],
    description="How the number is written: decimal, hex, fffnnnnn, bits32 …, or a format such as wiegand35. "
    "Left out, digits are decimal.",
)


class TermFields(RequestBody):
    """Until when a card is assigned; it is for good without an end."""

    until: str | None = Field(
        None,
        max_length=60,
        examples=["tonight"],
        description="tonight, a time of today (18:00), a date, whose day is included, or RFC 3339; in the site's zone.",
    )
    instead_of: str | None = Field(
        None,
        examples=["80:58400"],
        description="The person's usual card, which opens nothing until this one ends or is returned.",
    )

    def term(self) -> Term:
        """Return the term for a service."""
        return Term(self.until, self.instead_of)


class CardAssign(TermFields):
    """A card's number as written: 80:58400, 5301280, 0x50E420, 04:AF:68:DA or raw:26:1F4E2."""

    number: str = Field(examples=["80:58400"])
    form: str | None = Form


class CardBlock(RequestBody):
    """Why a card is blocked; it is kept with the card, and not in the record."""

    reason: str = Field("lost", examples=["lost"])


class CardReplace(RequestBody):
    """The new card's number as written, and why the old one is replaced; by default it is lost."""

    number: str = Field(examples=["80:58401"])
    form: str | None = Form
    reason: Why | None = None


class CardAwait(TermFields):
    """The reader at which the card will be shown, and for how many seconds to wait."""

    device: str = Field(examples=["reader-1"])
    channel: int = Field(1, ge=1, description="The device's reader, counted from 1.")
    seconds: int = Field(30, ge=1, le=60)


class Card(PersonCard):
    """A card, its state, and who holds it."""

    badge: Badge
    name: Name


class CardMeaning(ResponseBody):
    """One meaning of a number as it was written."""

    form: str = Field(examples=["decimal"], description='"" where there is only one.')
    number: str


class CardNotation(ResponseBody):
    """One way to write the card."""

    kind: str = Field(examples=["hex"])
    text: str = Field(examples=["0x50E420"])


class CardReader(ResponseBody):
    """A configured reader, the portals it stands at, and whether it can read the card."""

    device: str
    kind: str
    portals: list[str]
    reads: bool


class CardDescription(ResponseBody):
    """A card under all its notations, whose it is, and which readers can read it."""

    number: str = Field(examples=["80:58400"])
    meanings: list[CardMeaning]
    notations: list[CardNotation]
    badge: Badge | None
    name: Name | None
    held_as: list[str] = Field(description="The numbers under which it was assigned.")
    state: CardState | None = Field(description="Absent for a card that no one holds.")
    until: Time | None
    blocked: BlockState | None
    substitute: Substitute | None
    readers: list[CardReader]


class CardAssigned(Card):
    """A card that was assigned, and all cards of its holder."""

    cards: list[str]
    formats: list[str] = Field(examples=[["wiegand26"]], description="The common formats that the number fits.")


class CardReplaced(CardAssigned):
    """A card that took the place of another, which is blocked for good."""

    replaced: str = Field(examples=["80:58400"])


class CardReturned(ResponseBody):
    """A temporary card that was given back, and the cards that open again what their holder may."""

    number: str = Field(examples=["80:58400"])
    badge: Badge
    name: Name
    usual: list[str]


class RemovedNumber(ResponseBody):
    """A stored number that was removed, and whose it was."""

    number: str
    badge: Badge


class CardRemoved(ResponseBody):
    """A card that was removed under all its notations."""

    badge: Badge
    number: str
    cards: list[str]
    removed: list[RemovedNumber]

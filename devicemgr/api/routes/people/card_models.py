"""What is sent and answered about cards."""

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.routes.people.models import Badge, BlockState, Name

Form = Field(
    None,
    alias="as",
    examples=["wiegand26"],
    description="How the number is written: decimal, hex, fffnnnnn, bits32 …, or a format such as wiegand35. "
    "Left out, digits are decimal.",
)


class CardAssign(RequestBody):
    """A card's number as written: 80:58400, 5301280, 0x50E420, 04:AF:68:DA or raw:26:1F4E2."""

    number: str = Field(examples=["80:58400"])
    form: str | None = Form


class CardBlock(RequestBody):
    """Why a card is blocked; it is kept with the card, and not in the record."""

    reason: str = Field("lost", examples=["lost"])


class CardAwait(RequestBody):
    """The reader at which the card will be shown, and for how many seconds to wait."""

    device: str = Field(examples=["reader-1"])
    channel: int = Field(1, ge=1, description="The device's reader, counted from 1.")
    seconds: int = Field(30, ge=1, le=60)


class Card(ResponseBody):
    """A card and who holds it."""

    number: str = Field(examples=["80:58400"])
    badge: Badge
    name: Name
    blocked: BlockState | None = Field(None, description="Since when the card opens nothing.")


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
    blocked: BlockState | None
    readers: list[CardReader]


class CardAssigned(ResponseBody):
    """A card that was assigned, and all cards of its holder."""

    badge: Badge
    number: str = Field(examples=["80:58400"])
    cards: list[str]
    formats: list[str] = Field(examples=[["wiegand26"]], description="The common formats that the number fits.")


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

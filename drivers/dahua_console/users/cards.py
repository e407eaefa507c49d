"""Cards on a Dahua terminal by AccessCard: surplus ones go first, what was added or removed is read back."""

from collections.abc import Sequence

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, HeldInPart
from devicemgr.text import safe
from drivers.common.console.refusals import note_refusal
from drivers.dahua_console.cgi import Cgi, Row, numbered
from drivers.dahua_console.refusals import CgiRefused
from drivers.dahua_console.users.batches import BATCH, Batches
from drivers.dahua_console.users.names import CardNumbers
from drivers.dahua_console.users.record_finder import Finder

_NORMAL = 0


class CardStore:
    """Cards of one terminal's people."""

    def __init__(self, cgi: Cgi, finder: Finder, numbers: CardNumbers) -> None:
        self._cgi, self._finder, self._numbers = cgi, finder, numbers
        self._batches = Batches(cgi, "AccessCard", "CardList")
        self._has_list = True

    def of(self, keys: Sequence[str]) -> dict[str, list[Row]] | None:
        """Return the cards of people by UserID; None where this firmware does not tell."""
        try:
            return self._finder.rows_of("AccessCard", keys)
        except (CgiRefused, DeviceGarbled):
            return None

    def put(
        self, holdings: Sequence[Holding], fresh: set[str], refused: set[str], failed: dict[str, DeviceRefused]
    ) -> None:
        """Bring people's cards into step; `fresh` ones had none before, `refused` ones get none."""
        there = self.of([holding.key for holding in holdings if holding.key not in fresh])
        rows: list[Row] = []
        surplus: dict[str, str] = {}
        for holding in holdings:
            unfit = {card: why for card in holding.cards if (why := self._numbers.refusal(card)) is not None}
            for why in unfit.values():
                note_refusal(failed, holding.key, HeldInPart(why))
            wanted = {self._numbers.text(card) for card in holding.cards if card not in unfit}
            held = {self._number(row): str(row.get("CardNo", "")) for row in (there or {}).get(holding.key, [])}
            surplus |= {text: holding.key for card, text in held.items() if card not in wanted}
            rows += [
                {"UserID": holding.key, "CardNo": card, "CardType": 0, "CardStatus": _NORMAL}
                for card in sorted(wanted - held.keys())
                if holding.key not in refused
            ]
        self._remove_surplus(surplus, failed)
        # Where its cards are not shown, one that exists may be the person's own.
        written = self._batches.put(rows, may_change=there is None)
        for row, error in written.refused:
            why = error.words("another person there may have it")
            note_refusal(failed, str(row["UserID"]), HeldInPart(f"the terminal refuses card {row['CardNo']}: {why}"))
        lost = [row for row, _ in written.refused]
        self._check([row for row in rows if row not in lost], failed)

    def remove(self, texts: Sequence[str]) -> None:
        """Remove cards by CardNo as the terminal writes it."""
        for start in range(0, len(texts), BATCH):
            self._cgi.order("AccessCard", "removeMulti", numbered("CardNoList", texts[start : start + BATCH]))

    def _remove_surplus(self, surplus: dict[str, str], failed: dict[str, DeviceRefused]) -> None:
        """Remove cards, by CardNo with their people, and read that back."""
        if not surplus:
            return
        try:
            self.remove(list(surplus))
        except CgiRefused as error:
            for key in surplus.values():
                why = error.words("it does not say why")
                note_refusal(failed, key, DeviceRefused(f"the terminal refuses to remove a card: {why}"))
            return
        left = self.of(sorted(set(surplus.values()))) or {}
        for key, rows in left.items():
            if cards := [text for row in rows if surplus.get(text := str(row.get("CardNo", ""))) == key]:
                why = f"the terminal still holds card {safe(', '.join(cards), 60)} after removing it; restart it"
                note_refusal(failed, key, DeviceRefused(why))

    def _check(self, rows: Sequence[Row], failed: dict[str, DeviceRefused]) -> None:
        if not rows:
            return
        held = self._listed([row["CardNo"] for row in rows])
        if held is None or any((row["UserID"], row["CardNo"]) not in held for row in rows):
            found = self.of(list(dict.fromkeys(str(row["UserID"]) for row in rows)))
            if found is None:
                return
            held = {(key, self._number(row)) for key, some in found.items() for row in some}
        for row in rows:
            if (row["UserID"], row["CardNo"]) not in held:
                why = "the terminal said OK, and does not hold the card; restart it"
                note_refusal(failed, str(row["UserID"]), HeldInPart(why))

    def _listed(self, numbers: Sequence[str]) -> set[tuple[str, str]] | None:
        """Return whose those of the cards are that are held; None where they can't be listed by number."""
        found: set[tuple[str, str]] = set()
        for start in range(0, len(numbers) if self._has_list else 0, BATCH):
            try:
                batch = numbered("CardNoList", numbers[start : start + BATCH])
                document = self._cgi.document("AccessCard", "list", batch)
            except (CgiRefused, DeviceGarbled):
                self._has_list = False
                break
            rows = next((value for value in document.values() if isinstance(value, list)), [])
            found |= {(str(row.get("UserID")), self._number(row)) for row in rows if isinstance(row, dict)}
        return found if self._has_list else None

    def _number(self, row: Row) -> str:
        return self._numbers.canonical(str(row.get("CardNo", "")))

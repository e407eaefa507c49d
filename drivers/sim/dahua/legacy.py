"""The older table of a simulated terminal: one row a card (AccessControlCard), by record number."""

from collections.abc import Mapping

from drivers.sim.dahua.memory import BadRequest, People, Row


class LegacyTable:
    """Keeps rows by RecNo, and People in sync with them."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._rows: dict[int, Row] = {}
        self._next = 1

    def insert(self, row: Row) -> int:
        """Add a row with UserID and CardNo; return its number."""
        row = _checked(row)
        if row["CardNo"] in self._people.cards:
            raise BadRequest("the card exists")
        if row["UserID"] not in self._people.users:
            self._people.insert_users([_user(row)])
        self._keep_card(row)
        number, self._next = self._next, self._next + 1
        self._rows[number] = row
        return number

    def update(self, number: int, row: Row) -> None:
        """Change a row."""
        if number not in self._rows:
            raise BadRequest("no such record")
        old, changed = self._rows[number], _checked(self._rows[number] | row)
        self._people.cards.pop(old["CardNo"], None)
        self._people.users[changed["UserID"]] = _user(changed)
        self._keep_card(changed)
        self._rows[number] = changed

    def remove(self, number: int) -> None:
        """Forget a row, and with its last row a person."""
        row = self._rows.pop(number, None)
        if row is None:
            raise BadRequest("no such record")
        self._people.cards.pop(row["CardNo"], None)
        if all(other["UserID"] != row["UserID"] for other in self._rows.values()):
            self._people.remove_users([row["UserID"]])

    def find(self, query: Mapping[str, str], count: int) -> list[Row]:
        """Find the first `count` rows, of one person or card if the query's conditions say so."""
        wanted = {key.removeprefix("condition."): value for key, value in query.items() if key.startswith("condition.")}
        rows = [{"RecNo": number, **row} for number, row in self._rows.items()]
        return [row for row in rows if all(str(row.get(key)) == value for key, value in wanted.items())][:count]

    def _keep_card(self, row: Row) -> None:
        if row["CardNo"]:
            self._people.insert_cards([{"UserID": row["UserID"], "CardNo": row["CardNo"]}])


def _user(row: Row) -> Row:
    numbers = {
        name: [int(value) for key, value in row.items() if key.startswith(f"{name}[")]
        for name in ("Doors", "TimeSections")
    }
    return {"UserID": row["UserID"], "UserName": row.get("CardName", ""), **numbers}


def _checked(row: Row) -> Row:
    if not row.get("UserID") or "CardNo" not in row:
        raise BadRequest("no UserID or no CardNo")
    return row

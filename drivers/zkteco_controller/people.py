"""People, their cards and rights in a C3 or inBIO controller: a row a person in `user`, one in `userauthorize`.

Sources: ZKTeco, PullSDK Interfaces User Guide 2.0, attached table 4; the description named in tables.py.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from devicemgr.domain.ports.device import Holding
from devicemgr.domain.rules.cards.formats import names_of_number, whole_number
from devicemgr.errors import DeviceGarbled, DeviceLacks, DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.common.zkteco.records import whole
from drivers.zkteco_controller import protocol
from drivers.zkteco_controller.tables import Row, Table, decode_rows, encode_row, query

BATCH = 10
DOORS = (1, 2, 3, 4)
_USER = ("CardNo", "Pin", "StartTime", "EndTime")
_RIGHTS = ("Pin", "AuthorizeTimezoneId", "AuthorizeDoorId")
_MAX_CARD, _MAX_PIN = 1 << 32, 10**9
UNREAD = "the controller does not read out its table {table} ({why}); look at it with the maker's program"

Ask = Callable[[int, bytes, str], bytes]


class PeopleStore:
    """For one connection; `ask` sends a request and returns its answer's data."""

    def __init__(self, ask: Ask, tables: Callable[[], dict[str, Table]], rule: int, zone: tzinfo | None) -> None:
        self._ask, self._tables, self._rule, self._zone = ask, tables, rule, zone

    def held(self) -> list[Holding]:
        """Return everybody."""
        try:
            users, rights = self._read("user", _USER), self._read("userauthorize", _RIGHTS)
        except NotVerifiable as error:
            raise DeviceRefused(str(error)) from error
        rows = {int(row["pin"]): row for row in users if whole(str(row.get("pin", "")))}
        return [self._holding(pin, rows[pin], rights) for pin in sorted(rows)]

    def put(self, holdings: Sequence[Holding]) -> dict[str, DeviceRefused]:
        """ports.Holder: what was there goes first, as an update may add a second row; all is read back."""
        failed: dict[str, DeviceRefused] = {}
        written: dict[str, Row] = {}
        for holding in holdings:
            try:
                row = self._row(holding, failed)
                self._delete(int(row["Pin"]))
                self._write(holding, row)
                written[holding.key] = row
            except DeviceRefused as error:
                failed[holding.key] = error
        if written:
            self._check([holding for holding in holdings if holding.key in written], written, failed)
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: rights first; both tables are read afterwards."""
        pins = [pin for key in keys if (pin := pin_of(key)) is not None]
        for pin in pins:
            self._delete(pin)
        users, rights = self._read("user", _USER), self._read("userauthorize", _RIGHTS)
        left = sorted({str(row["pin"]) for row in [*users, *rights] if whole(str(row.get("pin", ""))) in pins})
        if left:
            raise DeviceRefused(f"the controller still holds {safe(', '.join(left), 100)} after removing; restart it")

    def is_always_open(self) -> bool | None:
        """Return whether the time rule that people are given is open all day on each weekday; None if unreadable."""
        days = [f"{day}Time1" for day in ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")]
        try:
            rows = self._read("timezone", ["TimezoneId", *days])
        except DeviceRefused:
            return None
        rule = next((row for row in rows if row.get("timezoneid") == self._rule), None)
        return None if rule is None else all(rule.get(day.lower()) == 2359 for day in days)

    def _delete(self, pin: int) -> None:
        for name in ("userauthorize", "user"):
            request = encode_row(self._table(name), {"Pin": pin})
            try:
                self._ask(protocol.DELETE_DATA, request, f"to remove a row of its table {name}")
            except protocol.ControllerRefused:
                continue  # it may answer so for one who is not there: reading tells

    def _write(self, holding: Holding, row: Row) -> None:
        table = self._table("user")
        extra: Row = {"Password": "", "Group": 0, "SuperAuthorize": 0}
        known = {name: value for name, value in extra.items() if name.lower() in table.fields}
        self._ask(protocol.SET_DATA, encode_row(table, row | known), f"person {safe(holding.key, 20)}")
        mask = sum(1 << (door - 1) for door in holding.doors & set(DOORS))
        if mask:
            rights: Row = {"Pin": row["Pin"], "AuthorizeTimezoneId": self._rule, "AuthorizeDoorId": mask}
            request = encode_row(self._table("userauthorize"), rights)
            self._ask(protocol.SET_DATA, request, f"the rights of person {safe(holding.key, 20)}")

    def _row(self, holding: Holding, failed: dict[str, DeviceRefused]) -> Row:
        pin = pin_of(holding.key)
        if pin is None:
            raise DeviceRefused(
                f"badge {safe(holding.key, 40)} is no number of up to 9 digits, as the controller keeps them;"
                " give another badge"
            )
        cards = [number for card in holding.cards if (number := whole_number(card)) and card_refusal(card) is None]
        refused = [why for card in holding.cards if (why := card_refusal(card)) is not None]
        if not cards:
            self._delete(pin)
            raise HeldInPart(refused[0] if refused else "a person without a card is not kept by the controller")
        if len(cards) > 1:
            refused.append("the controller keeps one card a person: the others do not open there")
        if holding.doors - set(DOORS):
            refused.append("the controller has doors 1 to 4; check the gates of the portals")
        if refused:
            failed[holding.key] = HeldInPart("; ".join(refused))
        start, end = self._day(holding.valid_from), self._day(holding.valid_to, is_end=True)
        return {"CardNo": cards[0], "Pin": pin, "StartTime": start, "EndTime": end}

    def _check(self, holdings: Sequence[Holding], written: dict[str, Row], failed: dict[str, DeviceRefused]) -> None:
        try:
            users, rights = self._read("user", _USER), self._read("userauthorize", _RIGHTS)
        except NotVerifiable as error:
            failed |= {holding.key: error for holding in holdings}
            return
        for holding in holdings:
            row = written[holding.key]
            held = [user for user in users if whole(str(user.get("pin", ""))) == row["Pin"]]
            doors, others = self._rights(int(row["Pin"]), rights)
            differing = [
                name for name in _USER if len(held) != 1 or int(held[0].get(name.lower(), 0) or 0) != row[name]
            ]
            if doors != holding.doors & set(DOORS) or others:
                differing.append("doors")
            if not held:
                failed[holding.key] = DeviceRefused("the controller said OK, and does not hold the person; restart it")
            elif differing:
                words = f"the controller said OK, and holds another {', '.join(differing)}"
                failed[holding.key] = DeviceRefused(words)

    def _rights(self, pin: int, rights: Sequence[Row]) -> tuple[frozenset[int], list[Row]]:
        own = [row for row in rights if whole(str(row.get("pin", ""))) == pin]
        mask = 0
        for row in own:
            mask |= int(row.get("authorizedoorid", 0) or 0)
        others = [row for row in own if row.get("authorizetimezoneid") != self._rule]
        return frozenset(door for door in range(1, 17) if mask >> (door - 1) & 1), others

    def _holding(self, pin: int, row: Row, rights: Sequence[Row]) -> Holding:
        doors, others = self._rights(pin, rights)
        card = int(row.get("cardno", 0) or 0)
        hours = tuple(sorted((door, "rule of its own") for door in doors)) if others else ()
        return Holding(
            str(pin),
            "",
            names_of_number(card)[:1],
            doors,
            self._moment(int(row.get("starttime", 0) or 0)),
            self._moment(int(row.get("endtime", 0) or 0), is_end=True),
            None,
            hours,
        )

    def _day(self, moment: datetime | None, *, is_end: bool = False) -> int:
        """Return a bound of validity as YYYYMMDD, the last day included; 0 for none."""
        if moment is None:
            return 0
        wall = (moment - timedelta(microseconds=1) if is_end else moment).astimezone(self._zone)
        return int(f"{min(max(wall.year, 2000), 2099)}{wall:%m%d}")

    def _moment(self, day: int, *, is_end: bool = False) -> datetime | None:
        try:
            wall = datetime.strptime(str(day), "%Y%m%d") + timedelta(days=1 if is_end else 0)
        except ValueError:
            return None
        return (wall.astimezone() if self._zone is None else wall.replace(tzinfo=self._zone)).astimezone(UTC)

    def _read(self, name: str, fields: Sequence[str]) -> list[Row]:
        """Return a whole table; NotVerifiable where this controller does not read it out in a form that is known."""
        try:
            table = self._table(name)
            data = self._ask(protocol.GET_DATA, query(table, fields), f"to read its table {name}")
            return decode_rows(table, data)
        except (protocol.ControllerRefused, DeviceGarbled, DeviceLacks) as error:
            raise NotVerifiable(UNREAD.format(table=name, why=safe(str(error), 120)), only_faces=False) from error

    def _table(self, name: str) -> Table:
        table = self._tables().get(name)
        if table is None:
            raise DeviceLacks(f"the controller has no table {name}; update its firmware")
        return table


def pin_of(key: str) -> int | None:
    """Return a badge as a controller's Pin; None if it can't be one."""
    number = whole(key)
    return number if number is not None and 0 < number < _MAX_PIN and str(number) == key else None


def card_refusal(card: str) -> str | None:
    """Return why a controller can't hold a card, None if it can."""
    number = whole_number(card)
    if number is not None and 0 < number < _MAX_CARD:
        return None
    return f"card {safe(card, 40)} does not fit into the controller's 32 bits; give it as one number"

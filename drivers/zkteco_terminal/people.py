"""People, cards, rights and faces on a ZKTeco terminal with access-control firmware, each read back by a query.

Source: ZKTeco, Security PUSH Communication Protocol (September 2021), 7.5, 9.1.1, 9.1.2 and 9.1.4.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from devicemgr.domain.ports.device import Holding
from devicemgr.domain.rules.cards.formats import names_of_number, whole_number
from devicemgr.errors import DeviceLacks, DeviceRefused, DeviceUnreachable, HeldInPart, NotVerifiable
from devicemgr.text import safe
from drivers.common.console.names import cut_name
from drivers.common.console.photos import fit_jpeg
from drivers.common.console.refusals import note_refusal
from drivers.common.zkteco.codes import LACKS, result_words
from drivers.common.zkteco.records import Record, card_number, decode_time, encode_time, whole
from drivers.zkteco_terminal.commands import Command, CommandQueue

BATCH = 3
CALL_S = 8.0
PHOTO_BYTES, PHOTO_PIXELS = 100 << 10, (640, 800)
_NAME_BYTES = 24
_VISIBLE_FACE = 9  # appendix 18
_MAX_CARD = 1 << 64
_NUMBER_PIN, _TEXT_PIN = re.compile(r"[1-9][0-9]{0,8}"), re.compile(r"[0-9A-Za-z]{1,24}")
_TABLES = ("user", "userauthorize", "mulcarduser", "biophoto", "biodata")
_FACE_TABLES = ("biophoto", "biodata")


@dataclass(frozen=True, slots=True)
class Terms:
    """This firmware's way to keep people, by the parameters of its registration."""

    has_hex_cards: bool = False  # MulCardUserFunOn: several cards a person, in a table of their own
    has_text_pins: bool = False
    has_seconds: bool = False  # validity to the second; else in whole days
    has_device_ids: bool = False
    takes_faces: bool = False
    has_faces: bool = True  # it may hold faces, however they came there
    rule: int = 1
    zone: tzinfo | None = None


def read_terms(parameters: Record, rule: int, zone: tzinfo | None) -> Terms:
    """Return the terms of a registration (4.4)."""
    supports = parameters.get("AccSupportFunList", "")
    photos = parameters.get("MultiBioPhotoSupport", "").replace(" ", "").split(":")
    takes = parameters.get("BioPhotoFun") == "1" or photos[_VISIBLE_FACE : _VISIBLE_FACE + 1] == ["1"]
    others = [parameters.get(name) for name in ("FaceFunOn", "BioDataFun")]
    return Terms(
        parameters.get("MulCardUserFunOn") == "1", parameters.get("StringPinFunOn") == "1",
        parameters.get("DateFmtFunOn") == "1", supports[26:27] == "1",
        takes, takes or "1" in others or None in others, rule, zone,
    )  # fmt: skip


@dataclass
class _Held:
    """The results of queries, by person; `unreadable` are tables that this firmware does not read out."""

    rows: dict[str, dict[str, list[Record]]]
    unreadable: set[str]

    def of(self, table: str, key: str) -> list[Record]:
        return self.rows.get(table, {}).get(key, [])


class PeopleStore:
    """Speaks to one terminal; each call ends within some seconds."""

    def __init__(self, commands: CommandQueue, terms: Callable[[], Terms]) -> None:
        self._commands, self._terms = commands, terms
        self._scan = _Held({}, set())

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder: a table a call, people last."""
        if after is None:
            self._scan = _Held({}, set())
        tables = self._tables()
        table = after or tables[-1]
        self._read([table], None, self._scan)
        place = tables.index(table)
        if place:
            return [], tables[place - 1]
        if "user" in self._scan.unreadable:
            raise DeviceRefused("the terminal does not read out its people; update its firmware")
        return [self._holding(key) for key in sorted(self._scan.rows.get("user", {}))], None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder."""
        failed: dict[str, DeviceRefused] = {}
        texts: list[str] = []
        owners: list[tuple[str, str]] = []
        until = time.monotonic() + CALL_S
        for holding in holdings:
            try:
                steps = self._steps(holding, faces.get(holding.key), failed)
            except DeviceRefused as error:
                failed[holding.key] = error
                continue
            texts += [text for _, text in steps]
            owners += [(holding.key, part) for part, _ in steps]
        results = self._run(texts, until)
        for (key, part), command in zip(owners, results, strict=True):
            self._note_result(key, part, command, failed)
        found = _Held({}, set())
        keys = [holding.key for holding in holdings if (holding.key, "user") in owners]
        self._read(self._tables(), keys, found, until + CALL_S / 2)
        faceless = [holding.key for holding in holdings if holding.key in keys and holding.face is None]
        if faceless and self._terms().has_faces:
            self._read(["biodata"], faceless, found, until + CALL_S / 2)
        for holding in holdings:
            if holding.key in keys:
                self._check(holding, found, failed)
        return failed

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder: rights first, the person last."""
        until = time.monotonic() + CALL_S
        texts = []
        for key in keys:
            pin = self._pin(key, check=False)
            if pin is not None:
                texts += [f"DATA DELETE {table} Pin={pin}" for table in self._erased()]
                texts += [f"DATA DELETE biodata Type={_VISIBLE_FACE}\tPin={pin}"] if self._terms().has_faces else []
                texts.append(f"DATA DELETE user Pin={pin}")
        self._run(texts, until)
        found = _Held({}, set())
        queried = [key for key in keys if self._pin(key, check=False) is not None]
        templates = ["biodata"] if self._terms().has_faces else []
        self._read([*self._tables(), *templates], queried, found, until + CALL_S / 2)
        left = sorted(key for key in queried if any(found.of(table, key) for table in _TABLES))
        if left:
            raise DeviceRefused(f"the terminal still holds {safe(', '.join(left), 100)} after removing; restart it")
        if found.unreadable:
            what = ", ".join(sorted(found.unreadable))
            raise NotVerifiable(
                f"the terminal does not read out its table {what}; look at it there",
                only_faces=found.unreadable <= set(_FACE_TABLES),
            )

    def _tables(self) -> list[str]:
        """Return the tables that make up a person, the person's own first."""
        terms = self._terms()
        cards = ["mulcarduser"] if terms.has_hex_cards else []
        return ["user", "userauthorize", *cards, *(["biophoto"] if terms.has_faces else [])]

    def _erased(self) -> list[str]:
        return [*self._tables()[1:], "templatev10"]

    def _pin(self, key: str, *, check: bool = True) -> str | None:
        form = _TEXT_PIN if self._terms().has_text_pins else _NUMBER_PIN
        if form.fullmatch(key):
            return key
        if not check:
            return None
        kind = (
            "letters and digits, up to 24" if form is _TEXT_PIN else "a number of up to 9 digits, without a leading 0"
        )
        raise DeviceRefused(f"badge {safe(key, 40)} is no user ID of this terminal ({kind}); give another badge number")

    def _steps(self, holding: Holding, face: bytes | None, failed: dict[str, DeviceRefused]) -> list[tuple[str, str]]:
        """Return the commands for a person with the part that each is of: what must go goes first."""
        terms, pin = self._terms(), self._pin(holding.key)
        cards = self._card_numbers(holding, failed)
        steps = [("rights", f"DATA DELETE userauthorize Pin={pin}")]
        if terms.has_hex_cards:
            steps.append(("gone", f"DATA DELETE mulcarduser Pin={pin}"))
        name = cut_name(re.sub(r"[\t\r\n]+", " ", holding.name), _NAME_BYTES)
        card = "" if terms.has_hex_cards or not cards else str(cards[0])
        fields = [
            f"CardNo={card}", f"Pin={pin}", "Password=", "Group=0", f"StartTime={self._stamp(holding.valid_from)}",
            f"EndTime={self._stamp(holding.valid_to, is_end=True)}", f"Name={name}", "Privilege=0",
        ]  # fmt: skip
        steps.append(("user", "DATA UPDATE user " + "\t".join(fields)))
        if terms.has_hex_cards and cards:
            rows = [
                f"Pin={pin}\tCardNo={number:X}\tLossCardFlag=0\tCardType={0 if place == 0 else 1}"
                for place, number in enumerate(cards)
            ]
            steps.append(("cards", "DATA UPDATE mulcarduser " + "\n".join(rows)))
        if holding.doors:
            mask = sum(1 << (door - 1) for door in holding.doors)
            device = "\tDevID=1" if terms.has_device_ids else ""
            rights = f"Pin={pin}\tAuthorizeTimezoneId={terms.rule}\tAuthorizeDoorId={mask}{device}"
            steps.append(("rights", f"DATA UPDATE userauthorize {rights}"))
        return steps + self._face_steps(holding, str(pin), face, failed)

    def _face_steps(
        self, holding: Holding, pin: str, face: bytes | None, failed: dict[str, DeviceRefused]
    ) -> list[tuple[str, str]]:
        if holding.face is None:
            if not self._terms().has_faces:
                return []
            return [
                ("gone", f"DATA DELETE biophoto PIN={pin}"),
                ("gone", f"DATA DELETE biodata Type={_VISIBLE_FACE}\tPin={pin}"),
            ]
        if face is None:
            return []
        if not self._terms().takes_faces:
            note_refusal(failed, holding.key, HeldInPart("this terminal takes no face photos; set faces=false"))
            return []
        try:
            content = base64.b64encode(fit_jpeg(face, PHOTO_BYTES, PHOTO_PIXELS)).decode("ascii")
        except DeviceRefused as error:
            note_refusal(failed, holding.key, HeldInPart(str(error)))
            return []
        text = f"PIN={pin}\tType={_VISIBLE_FACE}\tSize={len(content)}\tContent={content}\tFormat=0\tUrl="
        return [("face", f"DATA UPDATE biophoto {text}")]

    def _card_numbers(self, holding: Holding, failed: dict[str, DeviceRefused]) -> list[int]:
        numbers = []
        for card in holding.cards:
            number = whole_number(card)
            if (why := card_refusal(card)) is not None or number is None:
                note_refusal(failed, holding.key, HeldInPart(why or "a card does not fit"))
            else:
                numbers.append(number)
        if len(numbers) > 1 and not self._terms().has_hex_cards:
            why = "this terminal keeps one card a person (MulCardUserFunOn is off): the others do not open there"
            note_refusal(failed, holding.key, HeldInPart(why))
            return numbers[:1]
        return sorted(numbers)

    def _stamp(self, moment: datetime | None, *, is_end: bool = False) -> int:
        """Return a bound of validity; whole days, the last one included, where the firmware has no seconds."""
        if moment is None:
            return 0
        terms = self._terms()
        if terms.has_seconds:
            return encode_time(moment, terms.zone)
        wall = (moment - timedelta(microseconds=1) if is_end else moment).astimezone(terms.zone)
        return int(f"{min(max(wall.year, 2000), 2099)}{wall:%m%d}")

    def _moment(self, text: str, *, is_end: bool = False) -> datetime | None:
        value, terms = whole(text), self._terms()
        if not value:
            return None
        if terms.has_seconds:
            return decode_time(value, terms.zone)
        try:
            day = datetime.strptime(text, "%Y%m%d") + timedelta(days=1 if is_end else 0)
        except ValueError:
            return None
        return (day.astimezone() if terms.zone is None else day.replace(tzinfo=terms.zone)).astimezone(UTC)

    def _run(self, texts: Sequence[str], until: float) -> list[Command]:
        """Carry out; DeviceUnreachable when an answer is missing, after which only reading tells what was done."""
        commands = self._commands.run(texts, until) if texts else []
        if any(command.result is None for command in commands):
            fetched = any(command.is_sent for command in commands)
            why = "has not answered its commands" if fetched else "has not fetched its commands"
            raise DeviceUnreachable(f"the terminal {why}; is it busy, or cut off?")
        return commands

    def _note_result(self, key: str, part: str, command: Command, failed: dict[str, DeviceRefused]) -> None:
        if command.result is None or command.result >= 0 or part == "gone" or command.text.startswith("DATA DELETE"):
            return  # reading back tells whether anything is left
        why = command.note or result_words(command.result)
        if part in ("cards", "face"):
            note_refusal(failed, key, HeldInPart(f"the terminal refuses the {part.rstrip('s')}: {why}"))
        else:
            note_refusal(failed, key, DeviceRefused(f"the terminal refuses the person's {part}: {why}"))

    def _read(self, tables: Sequence[str], keys: Sequence[str] | None, found: _Held, until: float = 0.0) -> None:
        """Query tables, for some people or for all, into `found`."""
        texts, of = [], []
        for table in tables:
            kind = f"Type={_VISIBLE_FACE}\t" if table in _FACE_TABLES else ""
            fields = "Pin" if table in _FACE_TABLES else "*"
            for key in [None] if keys is None else keys:
                condition = f"{kind}Pin={key}" if key is not None else kind.strip() or "*"
                texts.append(f"DATA QUERY tablename={table},fielddesc={fields},filter={condition}")
                of.append(table)
        for table, command in zip(of, self._run(texts, until or time.monotonic() + CALL_S), strict=True):
            if command.result is not None and command.result < 0:
                found.unreadable.add(table)
            for row in command.rows:
                pin = row.get("pin", "")
                if pin and (keys is None or pin in keys):
                    found.rows.setdefault(table, {}).setdefault(pin, []).append(row)

    def _check(self, holding: Holding, found: _Held, failed: dict[str, DeviceRefused]) -> None:
        """Compare what the terminal holds now with what it was given, field by field."""
        key = holding.key
        if unread := found.unreadable - set(_FACE_TABLES):
            what = ", ".join(sorted(unread))
            note_refusal(
                failed, key, NotVerifiable(f"the terminal does not read out its table {what}", only_faces=False)
            )
            return
        users, wanted = found.of("user", key), self._card_set(holding)
        if not users:
            note_refusal(failed, key, DeviceRefused("the terminal said OK, and does not hold the person; restart it"))
            return
        user = users[0]
        differing = [
            name for name, expected in (
                ("starttime", str(self._stamp(holding.valid_from))),
                ("endtime", str(self._stamp(holding.valid_to, is_end=True))), ("privilege", "0"), ("disable", "0"),
            ) if user.get(name, expected) not in (expected, "" if expected == "0" else expected)
        ]  # fmt: skip
        if frozenset(self._doors(found.of("userauthorize", key))) != holding.doors or self._others(found, key):
            differing.append("doors")
        if differing:
            note_refusal(failed, key, DeviceRefused(f"the terminal said OK, and holds another {', '.join(differing)}"))
        held = self._cards(found, key)
        if held - wanted:
            note_refusal(failed, key, DeviceRefused("the terminal still holds a card that it should not; restart it"))
        if wanted - held and key not in failed:
            note_refusal(failed, key, HeldInPart("the terminal said OK, and does not hold the card; restart it"))
        self._check_face(holding, found, failed)

    def _check_face(self, holding: Holding, found: _Held, failed: dict[str, DeviceRefused]) -> None:
        key, has = holding.key, bool(found.of("biophoto", holding.key))
        if holding.face is None:
            if has or found.of("biodata", key):
                why = "the terminal still holds a face that it should not; restart it"
                note_refusal(failed, key, DeviceRefused(why))
            elif found.unreadable & set(_FACE_TABLES):
                note_refusal(failed, key, NotVerifiable("the terminal does not read out its faces; look at it there"))
        elif "biophoto" not in found.unreadable and not has and key not in failed:
            note_refusal(failed, key, HeldInPart("the terminal said OK, and does not hold the face; restart it"))

    def _card_set(self, holding: Holding) -> set[int]:
        numbers = self._card_numbers(holding, {})
        return set(numbers)

    def _cards(self, found: _Held, key: str) -> set[int]:
        if self._terms().has_hex_cards:
            texts = [row.get("cardno", "") for row in found.of("mulcarduser", key)]
            return {int(text, 16) for text in texts if re.fullmatch(r"[0-9a-fA-F]{1,16}", text)} - {0}
        numbers = [card_number(row.get("cardno", "")) for row in found.of("user", key)]
        return {number for number in numbers if number}

    def _doors(self, rows: Sequence[Record]) -> set[int]:
        doors: set[int] = set()
        for row in rows:
            mask = whole(row.get("authorizedoorid", "")) or 0
            doors |= {door for door in range(1, 17) if mask >> (door - 1) & 1}
        return doors

    def _others(self, found: _Held, key: str) -> list[Record]:
        """Return rights under another time rule than the one that is open at all times."""
        rule = str(self._terms().rule)
        return [row for row in found.of("userauthorize", key) if row.get("authorizetimezoneid", rule) != rule]

    def _holding(self, key: str) -> Holding:
        user = self._scan.of("user", key)[0]
        cards = tuple(sorted(names_of_number(number)[0] for number in self._cards(self._scan, key)))
        blocked = user.get("disable", "0") not in ("0", "")
        hours = [
            (door, f"rule {row.get('authorizetimezoneid', '')[:9]}")
            for row in self._others(self._scan, key) for door in self._doors([row])
        ]  # fmt: skip
        return Holding(
            key, user.get("name", "")[:200], cards,
            frozenset() if blocked else frozenset(self._doors(self._scan.of("userauthorize", key))),
            self._moment(user.get("starttime", "")), self._moment(user.get("endtime", ""), is_end=True),
            "" if self._scan.of("biophoto", key) else None, tuple(sorted(hours)),
        )  # fmt: skip


def card_refusal(card: str) -> str | None:
    """Return why a terminal can't hold a card, None if it can."""
    number = whole_number(card)
    if number is not None and 0 < number < _MAX_CARD:
        return None
    return f"card {safe(card, 40)} can't be held by this terminal; give it as one number"


def raise_result(result: int, what: str) -> None:
    """Raise what a command's result means, if it is a refusal."""
    if result >= 0:
        return
    kind = DeviceLacks if result in LACKS else DeviceRefused
    raise kind(f"the terminal refuses {what}: {result_words(result)}")

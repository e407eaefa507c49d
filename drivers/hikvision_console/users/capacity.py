"""A console's capacity by its own account, and how much of it is used."""

from collections.abc import Callable
from typing import Any

from devicemgr.errors import DeviceError
from drivers.hikvision_console.isapi import Isapi, Refusal, items, section
from drivers.hikvision_console.users.rows import positive

_ACCESS = "/ISAPI/AccessControl"
_USERS = f"{_ACCESS}/UserInfo/capabilities?format=json"
_LIBRARY = "/ISAPI/Intelligent/FDLib"
_UNKNOWN_PEOPLE = 100_000
_MIN_NAME_BYTES, _MAX_NAME_BYTES = 8, 512


class Capacity:
    """A console's limits, read once, and its counts, read when they are wanted."""

    def __init__(self, isapi: Isapi) -> None:
        self._isapi = isapi
        self._user: dict[str, Any] | None = None

    def people(self) -> int:
        """Return how many people it can hold; 100,000 where it does not say."""
        return positive(self._capabilities().get("maxRecordNum")) or _UNKNOWN_PEOPLE

    def name_bytes(self) -> int | None:
        """Return the longest name in bytes; None where it does not say."""
        longest = positive(section(self._capabilities(), "name").get("@max"))
        return longest if _MIN_NAME_BYTES <= longest <= _MAX_NAME_BYTES else None

    def count(self) -> dict[str, int]:
        """Return how many people it holds now, with a face and with a card."""
        says = section(self._isapi.get(f"{_ACCESS}/UserInfo/Count?format=json"), "UserInfoCount")
        names = {"people": "userNumber", "with_face": "bindFaceUserNumber", "with_card": "bindCardUserNumber"}
        return {ours: positive(says.get(theirs)) for ours, theirs in names.items()}

    def usage(self, what: str) -> str:
        """Return "N of M people" and the like: people, cards, faces, or all for ""; "" where it does not say."""
        counts: dict[str, Callable[[], tuple[int, int]]] = {
            "people": self._people,
            "cards": self._cards,
            "faces": self._faces,
        }
        found = []
        for name, read in counts.items():
            if what in (name, ""):
                try:
                    held, most = read()
                except DeviceError:
                    continue
                if most:
                    found.append(f"{held} of {most} {name}")
        return ", ".join(found)

    def _people(self) -> tuple[int, int]:
        return self.count()["people"], positive(self._capabilities().get("maxRecordNum"))

    def _cards(self) -> tuple[int, int]:
        held = section(self._isapi.get(f"{_ACCESS}/CardInfo/Count?format=json"), "CardInfoCount")
        says = self._isapi.get(f"{_ACCESS}/CardInfo/capabilities?format=json")
        most = (section(says, "CardInfo") or says).get("maxRecordNum")
        return positive(held.get("cardNumber")), positive(most)

    def _faces(self) -> tuple[int, int]:
        says = self._isapi.get(f"{_LIBRARY}/Count?format=json")
        held = sum(positive(one.get("recordDataNumber")) for one in items(says.get("FDRecordDataInfo")))
        most = self._isapi.get(f"{_LIBRARY}/capabilities?format=json").get("FDRecordDataMaxNum")
        return held, positive(most)

    def _capabilities(self) -> dict[str, Any]:
        if self._user is None:
            try:
                says = self._isapi.get(_USERS)
            except Refusal:
                says = {}
            self._user = section(says, "UserInfo") or says
        return self._user

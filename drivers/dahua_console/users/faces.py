"""Faces on a Dahua terminal by AccessFace, and what firmware differs in: how it tells who has one.

A list of photos by UserID is refused where one of them has no face, and where there is no such list; a search is
answered by AccessFace on some firmware and by FaceInfoManager on other (400 and 501 on SS 55xx EX, field report).
"""

import base64
from collections.abc import Mapping, Sequence

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceGarbled, DeviceRefused, HeldInPart, NotVerifiable
from drivers.common.console.refusals import note_refusal
from drivers.dahua_console.cgi import Cgi, Row, flat_rows, numbered
from drivers.dahua_console.refusals import CgiRefused
from drivers.dahua_console.users.batches import BATCH, Batches
from drivers.dahua_console.users.record_finder import Finder, attempt

SOURCES = ("AccessFace", "FaceInfoManager")
_PHOTOS_BYTES = 3 << 20


class FaceStore:
    """Faces of one terminal's people; no photo that it shows is kept."""

    def __init__(self, cgi: Cgi, finder: Finder) -> None:
        self._cgi, self._finder = cgi, finder
        self._batches = Batches(cgi, "AccessFace", "FaceList")
        self._list_tells = False  # the list has shown a face, so that it can be believed when it shows none
        self._source: str | None = None  # what has answered a search for faces

    def put(
        self,
        holdings: Sequence[Holding],
        fresh: set[str],
        faces: Mapping[str, bytes],
        failed: dict[str, DeviceRefused],
    ) -> None:
        """Remove the faces that people must not have, of those who are not `fresh`, then add; read back."""
        gone = [holding.key for holding in holdings if holding.face is None and holding.key not in fresh]
        if gone:
            self._remove_checked(gone, failed)
        rows: list[Row] = [
            {"UserID": holding.key, "PhotoData": [base64.b64encode(faces[holding.key]).decode("ascii")]}
            for holding in holdings
            if holding.face is not None and holding.key in faces
        ]
        if not rows:
            return
        written = self._batches.put(rows)
        for row, error in written.refused:
            why = error.words("is the photo sharp, and no other person's there?")
            note_refusal(failed, str(row["UserID"]), HeldInPart(f"the terminal refuses the face: {why}"))
        lost = [row for row, _ in written.refused]
        wanted = [str(row["UserID"]) for row in rows if row not in lost]
        for key in set(wanted).difference(*self.with_face(wanted)):
            note_refusal(failed, key, HeldInPart("the terminal said OK, and does not hold the face; restart it"))

    def prepare_removal(self, keys: Sequence[str]) -> None:
        """Look at the list before a removal: one that shows a face now can be believed when it shows none later."""
        if not self._list_tells and self._source is None:
            self._list(keys)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove faces; reading back tells whether they are gone."""
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            if not attempt(self._cgi.order, "AccessFace", "removeMulti", numbered("UserIDList", batch)):
                for key in batch:
                    attempt(self._cgi.order, "AccessFace", "removeMulti", numbered("UserIDList", [key]))

    def with_face(self, keys: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return who of `keys` has a face there, and who can't be queried about."""
        if not keys:
            return set(), set()
        if self._list_tells or self._source is None:
            listed = self._list(keys)
            if listed is not None and (self._list_tells or listed == set(keys)):
                return listed, set()
        if (found := self._search(keys)) is not None:
            return found, set()
        return self._one_by_one(keys)

    def _remove_checked(self, keys: Sequence[str], failed: dict[str, DeviceRefused]) -> None:
        self.remove(keys)
        held, unknown = self.with_face(keys)
        for key in held:
            why = "the terminal still holds a face that it should not; restart it"
            note_refusal(failed, key, DeviceRefused(why))
        for key in unknown:
            note_refusal(failed, key, NotVerifiable("the terminal can't be queried about faces; look at it there"))

    def _search(self, keys: Sequence[str]) -> set[str] | None:
        for source in sorted(SOURCES, key=lambda one: one != self._source):
            try:
                found = set(self._finder.rows_of(source, keys))
            except (CgiRefused, DeviceGarbled):
                continue
            self._source = source
            return found
        return None

    def _one_by_one(self, keys: Sequence[str]) -> tuple[set[str], set[str]]:
        held, silent = set[str](), set[str]()
        for key in keys:
            (held if self._list([key]) else silent).add(key)
        return held, set() if self._list_tells else silent

    def _list(self, keys: Sequence[str]) -> set[str] | None:
        """Return who has a face by the list of photos; None where it is refused, or only one at a time can be queried.

        Firmware refuses a list of one who has no face, as it does where it has no such list.
        """
        try:
            text = self._cgi.text("AccessFace", "list", numbered("UserIDList", keys), limit=_PHOTOS_BYTES)
        except CgiRefused:
            return set() if len(keys) == 1 else None
        with_photo = [row for row in flat_rows(text, "FaceDataList") if row.get("PhotoData[0]")]
        named = {row["UserID"] for row in with_photo if "UserID" in row} & set(keys)
        if with_photo and not named:
            if len(keys) > 1:
                return None  # without names only one at a time tells whose it is
            named = set(keys)
        self._list_tells = self._list_tells or bool(named)
        return named

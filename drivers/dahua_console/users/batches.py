"""Rows sent to a Dahua terminal in batches of at most ten, as new or as changed.

It fails a whole batch for one row. Where its refusal has codes, they say what to do; where it has none, a batch is
tried as new, then as known, then in halves.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from drivers.dahua_console.cgi import Cgi, Row
from drivers.dahua_console.refusals import Cause, CgiRefused

BATCH = 10


@dataclass
class Written:
    """UserIDs that were taken as new, and the rows that were taken neither way, with why."""

    fresh: set[str] = field(default_factory=set)
    refused: list[tuple[Row, CgiRefused]] = field(default_factory=list)

    def add(self, more: "Written") -> None:
        """Take in what another batch has come to."""
        self.fresh |= more.fresh
        self.refused += more.refused


class Batches:
    """Writes to one list, such as AccessUser with its UserList."""

    def __init__(self, cgi: Cgi, name: str, rows_name: str) -> None:
        self._cgi, self._name, self._rows_name = cgi, name, rows_name

    def put(self, rows: Sequence[Row], known: Collection[str] = (), *, may_change: bool = True) -> Written:
        """Add rows, or change those of `known` UserIDs; a wrong guess costs a request.

        Without `may_change` a row that exists is refused, as another person's card must be.
        """
        written = Written()
        for is_known in (False, True):
            some = [row for row in rows if (str(row["UserID"]) in known) is is_known]
            for start in range(0, len(some), BATCH):
                batch = some[start : start + BATCH]
                written.add(self._change(batch) if is_known else self._add(batch, may_change))
        return written

    def _add(self, rows: Sequence[Row], may_change: bool) -> Written:
        if (why := self._try("insertMulti", rows)) is None:
            return Written({str(row["UserID"]) for row in rows})
        if may_change and (not why.codes or why.has_only(Cause.EXISTS)):
            again = self._try("updateMulti", rows)
            if again is None:
                return Written()
            why = again if again.codes or not why.codes else why
        if len(rows) == 1:
            return Written(refused=[(rows[0], why)])
        return self._halves(rows, lambda half: self._add(half, may_change))

    def _change(self, rows: Sequence[Row]) -> Written:
        if (why := self._try("updateMulti", rows)) is None:
            return Written()
        if not why.codes or why.has_only(Cause.ABSENT):
            again = self._try("insertMulti", rows)
            if again is None:
                return Written({str(row["UserID"]) for row in rows})
            why = again if again.codes or not why.codes else why
        if len(rows) == 1:
            return Written(refused=[(rows[0], why)])
        return self._halves(rows, self._change)

    @staticmethod
    def _halves(rows: Sequence[Row], write: Callable[[Sequence[Row]], Written]) -> Written:
        middle = len(rows) // 2
        written = write(rows[:middle])
        written.add(write(rows[middle:]))
        return written

    def _try(self, action: str, rows: Sequence[Row]) -> CgiRefused | None:
        try:
            self._cgi.post(self._name, action, {self._rows_name: list(rows)})
        except CgiRefused as error:
            return error
        return None

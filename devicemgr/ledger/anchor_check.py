"""Compare the seals that anchors remember with those of the database, so that an older copy put back is found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from devicemgr.domain import anchor_address
from devicemgr.domain.ledger_chain import Flaw
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import StorageFailed
from devicemgr.ledger import anchors, restorations
from devicemgr.ledger.anchors import Remembered
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, seals

_BATCH = 500
_UNPROVEN = "what is recorded of a restore or recovery does not prove that it was one"


@dataclass(frozen=True, slots=True)
class _History:
    """What the record, which was found whole, says of the times when the database went back."""

    begun: list[dict[str, Any]]
    restored: list[dict[str, Any]]
    recovered: list[dict[str, Any]]

    def explains(self, remembered: Remembered, root: str) -> bool:
        """Return True for a seal that was made before a proven restore of something older than that."""
        seal = remembered.seal
        return any(
            (remembered.root != root or seal.number > one["detail"]["seal"])
            and seal.time <= one["time"]
            and restorations.is_proven(one, self.begun)
            for one in self.restored
        )


def flaws(
    session: Session, named: tuple[str, ...], root: str | None, hash_of: Callable[[int], str | None]
) -> Iterator[Flaw]:
    """Yield what the anchors' files remember and the database, whose chain of seals begins with `root`, does not."""
    history = _History(
        *(
            events.of_kinds(session, (kind,))
            for kind in (
                restorations.BACKUP_BEGUN,
                restorations.RESTORED,
                restorations.RECOVERED,
            )
        )
    )
    for text in named:
        path = anchor_address.parse(text).path
        if path is not None:
            try:
                yield from _of_one(session, text, anchors.read(path), root or "", history, hash_of)
            except StorageFailed as error:
                yield Flaw(0, str(error))


def _of_one(
    session: Session,
    text: str,
    lines: Iterator[Remembered],
    root: str,
    history: _History,
    hash_of: Callable[[int], str | None],
) -> Iterator[Flaw]:
    newest = seals.last(session)
    others: dict[str, Remembered] = {}
    for batch in _batches(lines):
        stored = seals.numbered(session, [one.seal.number for one in batch if one.root == root])
        for one in batch:
            if one.root != root:
                last = others.get(one.root)
                others[one.root] = one if last is None or one.seal.number > last.seal.number else last
            elif stored.get(one.seal.number) != one.seal and not history.explains(one, root):
                yield _flaw(text, one.seal, newest, history)
    for one in others.values():
        if not history.explains(one, root) and not _is_recovered(one, history, hash_of):
            yield Flaw(one.seal.seq, f"{text} knows of seals under another root, {one.root[:16]}…; {_UNPROVEN}")


def _is_recovered(last: Remembered, history: _History, hash_of: Callable[[int], str | None]) -> bool:
    """Return True if a recovery followed the last seal of another root, and took nothing else for what was sealed."""
    for event in history.recovered:
        if restorations.is_handed_over(last.seal, last.root, event):
            kept = last.seal.seq <= event["detail"]["events"]
            return not kept or hash_of(last.seal.seq) in (None, last.seal.head)  # None: removed by retention
    return False


def _flaw(text: str, seal: Seal, newest: Seal | None, history: _History) -> Flaw:
    if newest is None or newest.number < seal.number:
        why = f"{text} knows of seal {seal.number}, the database does not: it is an older copy"
    else:
        why = f"seal {seal.number} is not the one that {text} remembers: the database went back to an older copy"
    return Flaw(seal.seq, f"{why}; {_UNPROVEN}" if history.restored or history.recovered else why)


def _batches(lines: Iterator[Remembered]) -> Iterator[list[Remembered]]:
    batch: list[Remembered] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

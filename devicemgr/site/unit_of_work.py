"""One change of a site: its transaction, its audit facts and the announcement after the commit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Fact
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.database import Session, raise_revision

Rights = Mapping[str, Any]
"""Right-bearing fields by name, such as validity, levels, windows or consent; never a name or a secret."""


Require = Callable[[Session], None]
"""A condition on the state that a change builds on, checked first in its transaction; raises PreconditionFailed."""


def nothing_required(_: Session) -> None:
    """Accept any state."""


def audit_fact(
    kind: str,
    actor: str | None,
    detail: Mapping[str, Any],
    *,
    person_id: str | None = None,
    before: Rights | None = None,
    after: Rights | None = None,
) -> Fact:
    """Return an administrative fact with the right-bearing fields that changed, as they were and as they are.

    `before` is None for something new and `after` for something removed; then all fields of the other are recorded.
    """
    return Fact(
        kind,
        datetime.now(UTC),
        person_id=person_id,
        actor=actor,
        detail={**detail, **_changed(before, after)},
    )


def _changed(before: Rights | None, after: Rights | None) -> dict[str, Any]:
    if before is None or after is None:
        return {name: dict(rights) for name, rights in (("before", before), ("after", after)) if rights is not None}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not names:
        return {}
    return {
        "before": {name: before[name] for name in names if name in before},
        "after": {name: after[name] for name in names if name in after},
    }


@dataclass(slots=True)
class UnitOfWork:
    """A transaction under way; services write to `session` and record what they changed.

    `actor` is who makes it, None for the daemon. A unit in which nothing was recorded has changed nothing: it raises
    no revision and announces nothing. `after` is done behind the commit, such as deleting a file.
    """

    site: Site
    session: Session
    actor: str | None
    has_changes: bool = False
    batch: list[Fact] | None = None
    after: list[Callable[[], None]] = field(default_factory=list)

    def record(
        self,
        kind: str,
        detail: Mapping[str, Any],
        *,
        person_id: str | None = None,
        before: Rights | None = None,
        after: Rights | None = None,
    ) -> None:
        """Record an administrative fact in the transaction that makes it true (see `audit_fact`)."""
        self._append([audit_fact(kind, self.actor, detail, person_id=person_id, before=before, after=after)])

    def record_each(self, kind: str, people: Iterable[str], *, before: Rights, after: Rights) -> None:
        """Record the same administrative fact of several people, by their ids."""
        self._append([audit_fact(kind, self.actor, {}, person_id=one, before=before, after=after) for one in people])

    def _append(self, facts: list[Fact]) -> None:
        if not facts:
            return
        if self.batch is None:
            self.site.ledger.append(self.session, facts)
        else:
            self.batch += facts
        self.has_changes = True


@contextmanager
def unit_of_work(
    site: Site,
    actor: str | None,
    runtime: Runtime | None = None,
    *,
    changes_site: bool = True,
    is_batch: bool = False,
) -> Iterator[UnitOfWork]:
    """Open a transaction, commit it at the end, and let `runtime` look at the change.

    Raises the site's revision if something was recorded, unless `changes_site` is False: operators and sessions are
    no part of what devices and rights go by. A batch appends all its facts at the end, which is faster for many.
    """
    with site.database.write(changes_site=False) as session:
        work = UnitOfWork(site, session, actor, batch=[] if is_batch else None)
        yield work
        if work.batch:
            session.flush()
            site.ledger.append(session, work.batch)
        has_changed_site = work.has_changes and changes_site
        if has_changed_site:
            raise_revision(session)
    for step in work.after:
        step()
    if has_changed_site and runtime is not None:
        runtime.rights_changed()

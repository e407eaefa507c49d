"""How the last runs of a source ended: kept in its row, recorded when it changes, and shown as alarms."""

from collections.abc import Mapping
from typing import Any

from devicemgr.errors import DevicemgrError, Hint, StorageFailed
from devicemgr.people.sources.drop_folder import Signature
from devicemgr.people.sources.reading import SourceRows
from devicemgr.people.tables.plan import Plan
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.database import Database
from devicemgr.store.people import sources as rows
from devicemgr.store.people.sources import actor_of
from devicemgr.store.tables import SourceRow
from devicemgr.text import counted, rfc3339, safe

HELD, FAILED = "admin.sync_held", "admin.sync_failed"
_MAX_CAUSE_CHARS = 300


def note_run(row: SourceRow, detail: Mapping[str, Any], plan: Plan, read: SourceRows, at: str) -> None:
    """Note in the run's own transaction that it was made; what was held or had failed is over."""
    last = {name: value for name, value in detail.items() if name != "source"} | {"at": at}
    rows.set_state(
        row, last=last, fields=list(read.fields), file=list(read.signature), unsure=plan.unsure, held=None, failed=None
    )


def note_held(site: Site, name: str, plan: Plan, read: SourceRows) -> None:
    """Note and record that a plan waits for an admin, once for each plan."""
    with unit_of_work(site, actor_of(name), changes_site=False) as work:
        row = rows.source(work.session, name)
        before = row.state.get("held") or {}
        found = {"digest": plan.digest, "taken_away": plan.taken_away, "max_taken_away": plan.max_taken_away}
        since = before.get("since") or rfc3339(site.clock.now())
        rows.set_state(
            row, held=found | {"people": plan.people, "since": since}, file=list(read.signature), failed=None
        )
        if before.get("digest") != plan.digest:
            detail = {"source": name, "plan": plan.digest, "digest": read.digest}
            work.record(HELD, detail | {key: found[key] for key in ("taken_away", "max_taken_away")})


def note_failure(site: Site, name: str, error: DevicemgrError) -> None:
    """Note and record why a source could not be read or applied, once for each cause, as far as the storage allows."""
    cause = safe(str(error), _MAX_CAUSE_CHARS)
    try:
        with unit_of_work(site, actor_of(name), changes_site=False) as work:
            row = rows.source(work.session, name)
            before = row.state.get("failed") or {}
            if before.get("cause") == cause:
                return
            rows.set_state(row, failed={"cause": cause, "since": before.get("since") or rfc3339(site.clock.now())})
            work.record(FAILED, {"source": name, "cause": cause})
    except DevicemgrError:  # the storage itself; its own alarm says so, and the source is tried again
        return


def signature_of(row: SourceRow) -> Signature | None:
    """Return the signature of the file that a source was last compared with."""
    found = row.state.get("file")
    return Signature(*found) if found else None


def alarms(database: Database) -> list[dict[str, Any]]:
    """Return what waits for an admin, by source; nothing while the database can't be read."""
    try:
        with database.read() as session:
            found = [(row.name, row.state) for row in rows.sources(session)]
    except StorageFailed:
        return []
    return [alarm for name, state in found for alarm in _alarms_of(name, state)]


def _alarms_of(name: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if held := state.get("held"):
        people = counted(held["taken_away"], "person", "people")
        found.append(
            {
                "kind": "sync_held",
                "cause": f"{people} would lose rights, over {held['max_taken_away']} at once; nothing was changed",
                "since": held["since"],
                "hint": Hint("accept_sync", name=name, digest=held["digest"]).as_json(),
            }
        )
    if failed := state.get("failed"):
        found.append({"kind": "sync_failed", "cause": failed["cause"], "since": failed["since"]})
    if unsure := state.get("unsure"):
        hint = Hint("plan_source", name=name).as_json()
        found.append({"kind": "sync_unsure", "cause": unsure, "hint": hint})
    return [alarm | {"source": name} for alarm in found]

"""Fixtures of outlets: one of a site, its receiver, and the outboxes as the daemon runs them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.outlets.runner import Outlets
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from tests.support.webhook_receiver import Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ2hhbmdl"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(SECRET)
    yield found
    found.close()


@pytest.fixture
def add_outlet(site) -> Callable[..., None]:
    """add_outlet(url, **fields): an outlet `hr` with SECRET, from the next event on."""

    def add(url: str, **fields: Any) -> None:
        with unit_of_work(site, "uid:0") as work:
            changes.add_outlet(work, "hr", checked_fields({"kind": "webhook", "url": url, **fields}))
            changes.set_secret(work, "hr", SECRET, keeps_last=False)

    return add


@pytest.fixture
def add_syslog(site) -> Callable[..., None]:
    """add_syslog(url, **fields): an outlet `hr` of kind syslog for denials, from the next event on."""

    def add(url: str, **fields: Any) -> None:
        with unit_of_work(site, "uid:0") as work:
            changes.add_outlet(
                work, "hr", checked_fields({"kind": "syslog", "url": url, "kinds": ["access_denied"]} | fields)
            )

    return add


@pytest.fixture
def record(site) -> Callable[..., list[int]]:
    """record(count, kind): events, durable when it returns; their seqs."""
    site.ledger.start()

    def many(count: int, kind: str = "rex_pressed", **fields: Any) -> list[int]:
        with site.database.write(changes_site=False) as session:
            facts = [Fact(kind, datetime.now(UTC), portal="lobby", **fields) for _ in range(count)]
            return [entry.seq for entry in events.append(session, facts)]

    yield many
    site.ledger.stop(5)


@pytest.fixture
def running(site, record) -> Iterator[Outlets]:
    """The outboxes as the daemon runs them; call `consider` after a change."""
    found = Outlets(site)
    with site.database.read() as session:
        site.ledger.feed.begin(events.head(session)[0])
    found.start()
    yield found
    found.stop(5)


@pytest.fixture
def row_of(site) -> Callable[[], dict[str, Any]]:
    """row_of(): cursor and state of the outlet `hr` as stored."""

    def read() -> dict[str, Any]:
        with site.database.read() as session:
            row = rows.outlet(session, "hr")
            return {"cursor": row.cursor, "paused": row.paused, "version": row.version, **row.state}

    return read


@pytest.fixture
def kinds_of(site) -> Callable[..., list[dict[str, Any]]]:
    """kinds_of(kind): the events of that kind."""

    def read(kind: str) -> list[dict[str, Any]]:
        with site.database.read() as session:
            return events.of_kinds(session, [kind])

    return read

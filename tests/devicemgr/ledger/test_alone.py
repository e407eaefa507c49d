"""An event that is to be alone: behind what came before it, and in no one else's transaction."""

import threading
from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Fact
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter


def test_what_came_before_is_durable_and_acted_on_before_it_is_written(site: Site) -> None:
    durable: dict[str, list[str]] = {}
    ended = threading.Event()

    def then(name: str) -> None:
        with site.database.read() as session:
            durable[name] = [event["kind"] for event in events.find(session, EventFilter(), 10)]
        if name == "test.d":
            ended.set()

    for name in ("test.a", "test.b", "test.c", "test.d"):
        fact = Fact(name, datetime.now(UTC))
        site.ledger.submit(fact, lambda _, name=name: then(name), alone=name == "test.c")
    site.ledger.start()
    assert ended.wait(10)
    site.ledger.stop()
    a, b, c, d = "test.a", "test.b", "test.c", "test.d"
    assert durable == {a: [a, b], b: [a, b], c: [a, b, c], d: [a, b, c, d]}

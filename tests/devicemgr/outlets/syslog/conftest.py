"""Fixtures of this folder."""

from collections.abc import Iterator

import pytest

from devicemgr.outlets import outbox
from devicemgr.outlets.syslog import stream
from tests.support.core import catalog, entrance, make_site, make_site_in, site  # noqa: F401
from tests.support.outlets import add_syslog, kinds_of, record, row_of, running  # noqa: F401
from tests.support.syslog_receiver import SyslogReceiver


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Wait less between tries."""
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "_STORE_EVERY_S", 0.05)
    monkeypatch.setattr(stream, "SETTLE_S", 0.3)


@pytest.fixture
def peer() -> Iterator[SyslogReceiver]:
    found = SyslogReceiver()
    yield found
    found.close()

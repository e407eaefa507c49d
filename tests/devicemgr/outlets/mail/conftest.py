"""Fixtures of this folder: a mail server, and outlets of mails."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.outlets import outbox
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from tests.support.mail_server import MailServer

TO = ["guard@example.com"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "MAX_WAIT_S", 0.05)
    monkeypatch.setattr(outbox, "_STORE_EVERY_S", 0.05)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server on this computer, in plain text."""
    found = MailServer()
    yield found
    found.close()


@pytest.fixture
def add_mail(site) -> Callable[..., None]:
    """add_mail(url, password, **fields): an outlet of mails `hr`, from the next event on."""

    def add(url: str, password: str | None = None, **fields: Any) -> None:
        stated = {"kind": "mail", "url": url, "to": TO, "sender": "gate@example.com", **fields}
        with unit_of_work(site, "uid:0") as work:
            changes.add_outlet(work, "hr", checked_fields(stated))
            if password is not None:
                changes.set_secret(work, "hr", password, keeps_last=False)

    return add

"""Fixtures of this folder."""

import pytest

from tests.support.onvif import connect, device, facts_until, listening, quick, wait_until  # noqa: F401
from tests.support.onvif_peer import Peer


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.stop()

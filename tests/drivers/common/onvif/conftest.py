"""Fixtures of this folder."""

from tests.support.onvif import connect, device, facts_until, listening, quick, wait_until  # noqa: F401

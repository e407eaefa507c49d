"""Hints of errors."""

import pytest

from devicemgr.errors import DevicemgrError


def hint_of(caught: pytest.ExceptionInfo[DevicemgrError]) -> str | None:
    """Return the code of the hint that an error carries."""
    return caught.value.hint.code if caught.value.hint else None

"""Programs of Debian that stand at the other end: on ports of this computer, in a folder of a test."""

import os
import shutil

import pytest

# Continuous integration sets it: there what leaves is tried against them, come what may.
REQUIRED = bool(os.environ.get("DEVICEMGR_PEERS_REQUIRED"))


def peer(program: str, package: str) -> str:
    """Return the path of a program; without it the test is skipped with a loud line, or fails where it is required."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        why = f"NOT TRIED AGAINST {program.upper()}: apt-get install {package}"
        pytest.fail(why) if REQUIRED else pytest.skip(why)
    return found

"""The systemd unit: what systemd itself says of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "packaging" / "devicemgr.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def systemd_analyze(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *args], check=False, capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    runnable = tmp_path / UNIT.name
    runnable.write_text(UNIT.read_text().replace("/opt/devicemgr/bin/devicemgr run", "/bin/true"))
    assert systemd_analyze("verify", str(runnable)).stderr == ""
    runnable.write_text(runnable.read_text().replace("Restart=always", "Restart=allways"))
    # systemd 252 to 257 word it differently; each names the file and the value that it does not know.
    said = systemd_analyze("verify", str(runnable)).stderr
    assert str(runnable) in said
    assert "allways" in said


@needs_systemd
def test_systemd_finds_the_exposure_low():
    answer = systemd_analyze("security", "--offline=true", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for devicemgr\.service: ([0-9.]+)", answer.stdout)
    assert found, answer.stderr
    assert float(found[1]) <= 2.0


def test_the_daemon_is_watched_comes_back_and_reaches_its_devices():
    lines = UNIT.read_text().splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "Restart=always",
        "RestartSec=1",
        "MemoryMax=80%",
        "User=devicemgr",
        "SupplementaryGroups=dialout video",
        "Environment=DEVICEMGR_HOME=%S/devicemgr",
        "StateDirectoryMode=0700",
        "DeviceAllow=char-ttyUSB rw",
        "DeviceAllow=char-video4linux rw",
    ):
        assert line in lines

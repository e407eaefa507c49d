"""200 simulated cameras on one box: the schemas are read once, all come online, and at rest they cost little.

Part 4's figures are printed (make faults shows them); what is asserted of time is generous, for a busy box.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE, ROOT = Path(__file__).with_name("many_cameras.py"), Path(__file__).resolve().parents[4]
CAMERAS = 200


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_two_hundred_cameras(capsys):
    command = [sys.executable, str(HERE)]
    with subprocess.Popen(
        [*command, "sims", str(CAMERAS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as sims:
        try:
            addresses = sims.stdout.readline()
            assert len(json.loads(addresses)) == CAMERAS
            ran = subprocess.run(
                [*command, "watch"], input=addresses, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
            )
        finally:
            sims.stdin.close()
            sims.terminate()
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    with capsys.disabled():
        print(f"\n{CAMERAS} cameras: {ran.stdout.strip()}")
    assert found["states"] == {"online": CAMERAS}
    assert found["lost"] == []
    assert found["loads"]["devicemgmt.wsdl"] == 1
    assert set(found["loads"].values()) == {1}
    assert found["schema_mib"] <= 0.2
    assert found["schema_ms"] <= 30
    assert found["connected_s"] <= 60
    assert found["core_percent_at_rest"] <= 50

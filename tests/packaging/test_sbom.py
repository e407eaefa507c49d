"""The bill of materials says what the lock installs; what is not pinned by a digest is not installed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging" / "sbom.py"


def made(lock: Path) -> dict[str, Any]:
    ran = subprocess.run([sys.executable, str(SCRIPT), str(lock)], check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_of_the_lock_is_a_component_with_its_digests(name: str) -> None:
    lock = ROOT / name
    text = lock.read_text()
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))
    bill = made(lock)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "devicemgr"
    assert {component["name"]: component["version"] for component in bill["components"]} == pins
    refs = [component["bom-ref"] for component in bill["components"]]
    assert len(refs) == len(set(refs)) > 50
    assert bill["dependencies"][0]["dependsOn"] == refs
    digests = [p["value"] for c in bill["components"] for p in c["properties"] if p["name"].endswith("sha256")]
    assert len(digests) == len(re.findall(r"--hash=sha256:", text)) > 500
    for component in bill["components"]:
        assert any(p["name"].endswith("sha256") for p in component["properties"]), component["name"]
        assert component["purl"] == component["bom-ref"]


def test_the_same_lock_gives_the_same_bill_and_another_one_another(tmp_path: Path) -> None:
    first, again = made(ROOT / "requirements.lock"), made(ROOT / "requirements.lock")
    assert first == again
    other = tmp_path / "lock"
    other.write_text(f"a==1 ; sys_platform == 'linux' \\\n    --hash=sha256:{'0' * 64}\n")
    found = made(other)
    assert found["serialNumber"] != first["serialNumber"]
    (component,) = found["components"]
    assert {p["name"]: p["value"] for p in component["properties"]} == {
        "devicemgr:installed-if": "sys_platform == 'linux'",
        "devicemgr:accepted-sha256": "0" * 64,
    }


def test_a_lock_with_anything_else_in_it_makes_no_bill(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("-e somewhere\n")
    ran = subprocess.run([sys.executable, str(SCRIPT), str(lock)], check=False, capture_output=True, timeout=60)
    assert ran.returncode == 1


def test_pip_installs_nothing_whose_digest_is_another(tmp_path: Path) -> None:
    wheel = tmp_path / "harmless-1-py3-none-any.whl"
    import zipfile

    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("harmless.py", "")
        archive.writestr("harmless-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: harmless\nVersion: 1\n")
        archive.writestr("harmless-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("harmless-1.dist-info/RECORD", "")
    lock = tmp_path / "lock"
    lock.write_text(f"harmless==1 \\\n    --hash=sha256:{'0' * 64}\n")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-index",
            "--find-links",
            str(tmp_path),
            "--no-deps",
            "--require-hashes",
            "--target",
            str(tmp_path / "into"),
            "-r",
            str(lock),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "DO NOT MATCH THE HASHES" in ran.stderr
    assert not (tmp_path / "into" / "harmless.py").exists()
    for script in (ROOT / "packaging").glob("*.sh"):
        commands = script.read_text().replace("\\\n", " ").splitlines()
        assert all("--require-hashes" in line for line in commands if " -m pip " in line and " -r " in line), script


def test_the_bill_lists_what_built_it(tmp_path: Path) -> None:
    lock = (ROOT / "requirements-dev.lock").read_text()
    for arguments, others in (([], {}), (["--built-with", "pip 25.0"], {"pip": "25.0"})):
        ran = subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True, capture_output=True, timeout=60)
        (made_by,) = json.loads(ran.stdout)["formulation"]
        found = {one["name"]: one["version"] for one in made_by["components"]}
        assert {"hatchling", "setuptools"} <= set(found)
        assert {name: found[name] for name in others} == others
        for name in set(found) - set(others):
            assert f"{name}=={found[name]} " in lock
            (component,) = [one for one in made_by["components"] if one["name"] == name]
            assert component["properties"], "the digests that pip accepts"

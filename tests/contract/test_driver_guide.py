"""The driver of docs/driver-guide.md stands on devicemgr.driver_api alone, and keeps the contract."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devicemgr import driver_api

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "driver-guide.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The code of the page, installed as a package."""
    folder = tmp_path_factory.mktemp("acme")
    for name, source in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).write_text(source, encoding="utf-8")
    entry_points = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
    info = folder / "acme_gate-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme_gate\nVersion: 1.0\n")
    written = re.sub(r'\[project\.entry-points\."(.*?)"\]', r"[\1]", entry_points)
    (info / "entry_points.txt").write_text(written.replace('"', ""))
    return folder


def run_pytest(package, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PYTHONPATH": str(package)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_driver_of_the_guide_imports_nothing_else_of_devicemgr(package):
    imported = set()
    for node in ast.walk(ast.parse((package / "acme_gate.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
    assert {name for name in imported if name.startswith(("devicemgr", "drivers"))} == {"devicemgr.driver_api"}


def test_the_driver_of_the_guide_passes_its_own_test(package):
    # A conftest of a folder above the temporary one is not the page's.
    done = run_pytest(package, "--noconftest", "--rootdir", str(package), str(package / "test_acme_gate.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_driver_of_the_guide_keeps_the_contract_by_the_command_of_the_page(package):
    command = re.search(r"^    pytest (.*--driver acme_gate.*)$", PAGE, re.MULTILINE)[1]
    done = run_pytest(package, *command.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed, 2 skipped" in done.stdout


def test_a_driver_without_a_peer_is_held_to_the_rest_of_the_contract(package, tmp_path):
    info = shutil.copytree(package / "acme_gate-1.0.dist-info", tmp_path / "acme_gate-1.0.dist-info")
    shutil.copy(package / "acme_gate.py", tmp_path)
    text = (info / "entry_points.txt").read_text()
    (info / "entry_points.txt").write_text(text.partition("[devicemgr.contract_peers]")[0])
    done = run_pytest(tmp_path, "tests/contract", "--driver", "acme_gate", "--driver-option", "port=9", "-rs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed, 7 skipped" in done.stdout
    assert "acme_gate comes without a peer" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "test"),
    [
        ('if status != "BUSY":', "if True:", "test_a_busy_reading_is_repeated_in_the_same_session"),
        ("if is_command else api.DeviceUnreachable", "if is_command else api.DeviceRefused", "test_silence_is"),
    ],
)
def test_a_driver_that_breaks_a_rule_fails_at_its_peer(package, tmp_path, right, wrong, test):
    source = (package / "acme_gate.py").read_text(encoding="utf-8")
    assert right in source
    (tmp_path / "acme_gate.py").write_text(source.replace(right, wrong), encoding="utf-8")
    done = run_pytest(f"{tmp_path}{os.pathsep}{package}", "tests/contract", "--driver", "acme_gate")
    assert done.returncode == 1, done.stdout + done.stderr
    assert test in done.stdout


def test_a_driver_that_breaks_the_contract_fails_by_the_command_of_the_page(package, tmp_path):
    source = (package / "acme_gate.py").read_text(encoding="utf-8")
    broken = source.replace(', description="TCP port of the turnstile"', "")
    assert broken != source
    (tmp_path / "acme_gate.py").write_text(broken, encoding="utf-8")
    done = run_pytest(f"{tmp_path}{os.pathsep}{package}", "tests/contract", "--driver", "acme_gate")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_every_option_is_explained" in done.stdout


def test_the_page_names_everything_that_the_module_exports_and_its_version():
    listed = PAGE.partition("## What devicemgr.driver_api exports")[2]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(driver_api.__all__)
    assert f"at present {driver_api.API_VERSION}." in PAGE


@pytest.mark.parametrize("name", driver_api.__all__)
def test_what_is_exported_is_documented(name):
    exported = getattr(driver_api, name)
    if callable(exported):
        assert (exported.__doc__ or "").strip()
        assert not exported.__doc__.startswith(f"{name}("), "only what dataclass generated"

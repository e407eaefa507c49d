"""install.sh and its companions, as far as they can be tried without changing this machine."""

import os
import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "packaging").glob("*.sh")), ROOT / "packaging" / "devicemgr-command", ROOT / ".ci" / "run"]
INSTALL = ROOT / "packaging" / "install.sh"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say():
    found = subprocess.run(
        ["shellcheck", "-x", *map(str, SCRIPTS)], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    assert found.stdout == ""
    assert found.returncode == 0


def run_install(tmp_path: Path, user: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run with an `id` that answers `user`, and stand-ins for the system's tools, so that nothing real is touched."""
    for tool, body in (("id", f"echo {user}"), ("systemd-sysusers", "exit 9"), ("runuser", "exit 9")):
        (tmp_path / tool).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / tool).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(INSTALL), str(tmp_path / "absent.whl")],
        env={**os.environ, "PATH": path, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def fake_python(tmp_path: Path, body: str) -> str:
    python = tmp_path / "python-for-test"
    python.write_text(f"#!/bin/sh\n{body}\n")
    python.chmod(0o755)
    return str(python)


@pytest.mark.parametrize(
    ("user", "body", "says"),
    [
        ("1000", "exit 0", "run it as root"),
        ("0", "exit 1", "is too old"),
        ("0", 'case "$2" in *venv*) exit 1 ;; esac', "apt-get install python3-venv"),
        ("0", 'case "$2" in *realpath*) echo /root/python ;; esac', "cannot read"),
    ],
)
def test_a_machine_that_will_not_do_is_refused_in_one_line(tmp_path, user, body, says):
    answer = run_install(tmp_path, user, PYTHON=fake_python(tmp_path, body))
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert re.fullmatch(rf"error: .*{says}.*\n", answer.stderr)


def test_a_missing_interpreter_is_refused_in_one_line(tmp_path):
    answer = run_install(tmp_path, "0", PYTHON=str(tmp_path / "nothing"))
    assert re.fullmatch(r"error: .*nothing is missing: .*\n", answer.stderr)
    assert answer.returncode == 1


def test_what_builds_the_wheel_is_pinned_in_the_lock():
    names = re.search(r'WHEEL_BUILDERS="([^"]+)"', (ROOT / "packaging" / "common.sh").read_text())[1].split()
    pinned = set(re.findall(r"^([a-zA-Z0-9._-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    needed = {re.match(r"[a-zA-Z0-9._-]+", line)[0] for line in requires("hatchling") if "python_version <" not in line}
    assert needed | {"hatchling"} == set(names)
    assert set(names) <= pinned


def test_nothing_here_names_a_package_registry():
    for script in [*SCRIPTS, *filter(Path.is_file, (ROOT / "packaging").iterdir())]:
        assert not re.search(r"https?://|index-url|pypi\.", script.read_text()), script

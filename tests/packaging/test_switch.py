"""install.sh and uninstall.sh in a scratch root, with stand-ins for Python, pip's work and systemctl.

What the installed command does is a word in a file of the test: so each fault is one that did happen.
"""

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = r"""#!/bin/sh
# `-m venv FOLDER` makes an environment whose python installs by writing down what it was given.
case "$*" in
    "-VV" | "-V") echo "Python 3.11.2" ;;
    *realpath*) echo /usr ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$CONTROL/devicemgr" "$3/bin/devicemgr" ;;
    *"pip --version") echo "pip 25.0 from nowhere" ;;
    *"pip wheel"*) echo "wheel $*" >>"$CONTROL/pip" ;;
    *"pip install"*)
        echo "install $*" >>"$CONTROL/pip"
        [ ! -e "$CONTROL/pip-fails" ] || { cat "$CONTROL/pip-fails"; exit 1; } ;;
    *sbom.py*) echo "{}" ;;
    *man_page.py*) echo ".TH DEVICEMGR 1" >"$2" ;;
esac
"""
FAKE_COMMAND = r"""#!/bin/sh
echo "$*" >>"$CONTROL/commands"
case "$1 $2" in
    "run --check")
        [ ! -e "$CONTROL/refuses" ] || { cat "$CONTROL/refuses" >&2; exit 1; }
        if [ -e "$CONTROL/old" ] && [ ! -e "$CONTROL/migrated" ]; then echo '{"migration": {"from": "1", "to": "2"}}'
        else echo '{"migration": null}'; fi ;;
esac
"""
SYSTEMCTL = r"""#!/bin/sh
echo "$*" >>"$CONTROL/systemctl"
if [ "$1" = restart ]; then
    link=$(readlink "$ROOT/opt/devicemgr")
    echo "$link" >>"$CONTROL/started"
    [ ! -e "$CONTROL/migrates" ] || touch "$CONTROL/migrated"
    [ "$link" != "$(cat "$CONTROL/broken" 2>/dev/null)" ]
fi
"""


@dataclasses.dataclass
class Box:
    """A scratch root with a control folder beside it."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def link(self) -> Path:
        return self.root / "opt" / "devicemgr"

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "ROOT": str(self.root),
            "CONTROL": str(self.control),
            "PYTHON": str(self.control / "python"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "tmp"),
        }
        return subprocess.run(
            ["bash", str(ROOT / "packaging" / script), *arguments],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def install(self, version: str) -> subprocess.CompletedProcess[str]:
        wheel = self.folder / f"devicemgr-{version}-py3-none-any.whl"
        wheel.write_text(version)
        return self.run("install.sh", str(wheel))

    def installed(self, version: str) -> Path:
        """Install what must succeed; return its environment."""
        ran = self.install(version)
        assert ran.returncode == 0, ran.stderr
        return self.link.resolve()

    def lines(self, name: str) -> list[str]:
        file = self.control / name
        return file.read_text().splitlines() if file.exists() else []

    def set(self, name: str, text: str = "") -> None:
        (self.control / name).write_text(text)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    for folder in ("control", "bin", "tmp", "root/run/systemd/system", "root/var/lib/devicemgr"):
        (tmp_path / folder).mkdir(parents=True)
    (made.root / "var" / "lib" / "devicemgr" / "devicemgr.db").touch()
    scripts = {"control/python": FAKE_PYTHON, "control/devicemgr": FAKE_COMMAND, "bin/systemctl": SYSTEMCTL}
    for name, text in (scripts | {"bin/journalctl": "#!/bin/sh\necho 'error: no luck'\n"}).items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return made


def test_a_second_run_of_the_same_version_restarts_nothing(box: Box) -> None:
    first = box.installed("1")
    before = box.lines("pip")
    assert len(box.lines("started")) == 1
    assert box.installed("1") == first
    assert box.lines("pip") == before
    assert len(box.lines("started")) == 1
    assert box.installed("2") != first
    assert len(box.lines("started")) == 2


def test_the_manual_page_comes_and_goes_with_the_program(box: Box) -> None:
    box.installed("1")
    page = box.root / "usr/local/share/man/man1/devicemgr.1"
    assert page.read_text() == ".TH DEVICEMGR 1\n"
    assert box.run("uninstall.sh").returncode == 0
    assert not page.exists()


def test_a_changed_unit_restarts_the_same_version(box: Box) -> None:
    box.installed("1")
    (box.root / "etc/systemd/system/devicemgr.service").write_text("[Unit]\n")
    box.installed("1")
    assert len(box.lines("started")) == 2


def test_the_new_version_opens_the_home_before_the_switch(box: Box) -> None:
    first = box.installed("1")
    box.set("refuses", "error: the key is another site's\n")
    ran = box.install("2")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "error: the new version cannot run this home, and nothing was changed: the key is another site's"
    )
    assert box.link.resolve() == first
    assert len(box.lines("started")) == 1
    assert len(list(box.link.parent.iterdir())) == 2


def broken(box: Box, version: str) -> str:
    """Return the environment that `version` will have, and let its start fail."""
    wheel = box.folder / "probe.whl"
    wheel.write_text(version)
    stamp = subprocess.run(
        f'cat "{ROOT}/requirements.lock" "{wheel}" <(echo "Python 3.11.2") | sha256sum | cut -c1-12',
        shell=True,
        executable="/bin/bash",
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    box.set("broken", f"{box.link}-{stamp}\n")
    return f"{box.link}-{stamp}"


def test_a_version_that_does_not_start_gives_way_to_the_one_before(box: Box) -> None:
    first = box.installed("1")
    failing = broken(box, "2")
    ran = box.install("2")
    assert ran.returncode == 1
    assert box.lines("started") == [str(first), failing, str(first)]
    assert box.link.resolve() == first
    assert "error: no luck" in ran.stderr.splitlines()[-1]
    assert "the version before runs again" in ran.stderr.splitlines()[-1]
    (box.control / "broken").unlink()
    assert str(box.installed("2")) == failing
    assert box.lines("started")[-1] == failing


def test_after_a_migration_it_says_how_to_go_back(box: Box) -> None:
    first = box.installed("1")
    failing = broken(box, "2")
    box.set("old")
    box.set("migrates")
    ran = box.install("2")
    assert ran.returncode == 1
    assert str(box.link.resolve()) == failing
    commands = [line.strip() for line in ran.stderr.splitlines() if line.startswith("  sudo ")]
    assert len(commands) == 3
    assert commands[0] == f"sudo ln -sfn {first} {box.link}.new && sudo mv -T {box.link}.new {box.link}"
    assert commands[1].startswith("sudo --preserve-env=PASSPHRASE devicemgr restore --replace ")
    assert commands[2] == "sudo systemctl restart devicemgr"


def test_where_the_migration_did_not_come_to_it_the_one_before_runs(box: Box) -> None:
    first = box.installed("1")
    broken(box, "2")
    box.set("old")
    assert box.install("2").returncode == 1
    assert box.link.resolve() == first


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (
            "WARNING: Retrying: NewConnection: Name or service not known\nERROR: No matching distribution found for x",
            "Name or service not known",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    x==1:\nfoot",
            "DO NOT MATCH THE HASHES",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n[notice] new pip",
            "No space left on device",
        ),
        (
            "  error: command 'gcc' failed: No such file or directory\nERROR: Failed to build installable wheels",
            "error: command 'gcc' failed",
        ),
    ],
)
def test_the_cause_of_a_failed_pip_step_is_shown(box: Box, output: str, cause: str) -> None:
    box.set("pip-fails", output + "\n")
    ran = box.install("1")
    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert cause in last
    kept = re.search(r"all of its output: (\S+)\)", last)
    assert kept
    assert Path(kept[1]).read_text() == output + "\n"
    assert not list(box.link.parent.glob("devicemgr*"))


def test_sources_are_built_by_what_the_lock_pins(box: Box) -> None:
    box.installed("1")
    first, libraries, own = box.lines("pip")
    assert "--require-hashes" in first
    assert "--only-binary :all:" in first
    assert "--require-hashes" in libraries
    assert "--no-build-isolation" in libraries
    assert "requirements.lock" in libraries
    assert "--no-index" in own
    setuptools = re.search(r"^setuptools==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert setuptools, "the lock pins what builds its sources"


def test_too_little_space_is_seen_before_anything_is_written(box: Box) -> None:
    (box.folder / "bin" / "df").write_text("#!/bin/sh\necho Avail; echo 12M\n")
    (box.folder / "bin" / "df").chmod(0o755)
    ran = box.install("1")
    assert re.fullmatch(r"error: only 12 MB are free in .*, \d+ MB are needed: .*", ran.stderr.splitlines()[-1])
    assert box.lines("pip") == []


def test_uninstall_keeps_the_home_and_says_how_to_destroy_it(box: Box) -> None:
    box.installed("1")
    rules = box.root / "etc/udev/rules.d/70-devicemgr.rules"
    assert rules.exists()
    ran = box.run("uninstall.sh")
    assert ran.returncode == 0, ran.stderr
    assert "disable --quiet --now devicemgr.service" in box.lines("systemctl")
    left = sorted(str(path.relative_to(box.root)) for path in box.root.rglob("*") if not path.is_dir())
    assert left == ["var/lib/devicemgr/devicemgr.db"]
    assert f"find {box.root}/var/lib/devicemgr/keys" in ran.stderr
    assert "shred -u" in ran.stderr
    assert box.run("uninstall.sh").returncode == 0


def test_uninstall_keeps_the_names_of_devices(box: Box) -> None:
    box.installed("1")
    rules = box.root / "etc/udev/rules.d/70-devicemgr.rules"
    rules.write_text('KERNEL=="ttyS0", SYMLINK+="gate/arm"\n')
    said = box.run("uninstall.sh").stderr
    assert rules.exists()
    assert f"kept {rules}" in said


def test_a_bundle_is_installed_without_an_index(box: Box, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    for name in ("packaging", "udev"):
        shutil.copytree(ROOT / name, bundle / name)
    (bundle / "wheels").mkdir()
    (bundle / "wheels" / "devicemgr-1-py3-none-any.whl").write_text("1")
    for name in ("bundle.lock", "requirements.lock"):
        (bundle / name).write_text((ROOT / "requirements.lock").read_text())
    subprocess.run("sha256sum bundle.lock wheels/* >SHA256SUMS", shell=True, cwd=bundle, check=True)
    script = os.path.relpath(bundle / "packaging" / "install.sh", ROOT / "packaging")
    ran = box.run(script)
    assert ran.returncode == 0, ran.stderr
    assert all("--no-index" in line for line in box.lines("pip"))
    (bundle / "bundle.lock").write_text("")
    assert box.run(script).stderr.splitlines()[-1] == "error: the bundle is damaged: copy it again"

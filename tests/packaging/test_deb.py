"""The Debian package: its scripts by dpkg in a tree of its own, and under `make faults` the package that is built."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
HOME = "var/lib/devicemgr"

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no Debian")


class Box:
    """A tree that dpkg installs into; the scripts run outside, with DPKG_ROOT."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "var/lib/dpkg/status").touch()

    def dpkg(self, *words: str, code: int = 0) -> str:
        """Run dpkg on the tree; return what it and the scripts said."""
        forced = ("not-root", "script-chrootless", "depends", "bad-path")
        options = [f"--root={self.root}", *(f"--force-{name}" for name in forced)]
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        ran = subprocess.run(["dpkg", *options, *words], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stderr
        return ran.stdout + ran.stderr

    def files(self) -> set[str]:
        """Return what is in the tree but for dpkg's own."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return {str(path) for path in found if path.parts[:3] != ("var", "lib", "dpkg")}


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "box")


def package(folder: Path, version: str, *modules: str) -> str:
    """A package with the product's scripts and a few files in place of its environment."""
    tree = folder / version
    for name in modules:
        file = tree / "opt/devicemgr/lib" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    users = tree / "usr/lib/sysusers.d/devicemgr.conf"
    users.parent.mkdir(parents=True)
    shutil.copy(ROOT / "packaging/devicemgr.sysusers", users)
    (tree / "DEBIAN").mkdir()
    for name in SCRIPTS:
        shutil.copy(ROOT / "packaging/debian" / name, tree / "DEBIAN" / name)
        (tree / "DEBIAN" / name).chmod(0o755)
    fields = {
        "Package": "devicemgr",
        "Version": version,
        "Architecture": "all",
        "Maintainer": "x <x@localhost>",
        "Description": "x",
    }
    (tree / "DEBIAN/control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    made = folder / f"{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, capture_output=True)
    return str(made)


def compiled(box: Box) -> None:
    """What postinst compiles on a host that runs the package."""
    for file in list((box.root / "opt/devicemgr/lib").rglob("*.py")):
        (file.parent / "__pycache__").mkdir(exist_ok=True)
        (file.parent / "__pycache__" / f"{file.stem}.pyc").touch()


def test_removal_and_purge_keep_the_home_and_nothing_else(box: Box, tmp_path: Path) -> None:
    box.dpkg("-i", package(tmp_path, "1", "cli.py", "old/gone.py"))
    home = box.root / HOME
    assert home.stat().st_mode & 0o777 == 0o700
    assert "devicemgr" in (box.root / "etc/passwd").read_text()
    (home / "keys").mkdir()
    (home / "keys/master.key").write_text("key")
    (home / "devicemgr.db").write_text("people")
    compiled(box)

    box.dpkg("-i", package(tmp_path, "2", "cli.py"))
    assert not (box.root / "opt/devicemgr/lib/old").exists(), "a folder of the version before"
    compiled(box)

    assert "shred" not in box.dpkg("-r", "devicemgr")
    assert not (box.root / "opt/devicemgr").exists()
    kept = {f"{HOME}/keys/master.key", f"{HOME}/devicemgr.db"}
    assert kept <= box.files()

    said = box.dpkg("-P", "devicemgr")
    assert f"sudo find {home}/keys -type f -exec shred -u" in said
    assert {name for name in box.files() if not name.startswith("etc/")} == kept


def test_it_is_refused_beside_an_installation_by_make(box: Box, tmp_path: Path) -> None:
    (box.root / "opt").mkdir()
    (box.root / "opt/devicemgr").symlink_to("devicemgr-0123456789ab")
    said = box.dpkg("-i", package(tmp_path, "1", "cli.py"), code=1)
    assert "installed by make install: run packaging/uninstall.sh first" in said
    assert (box.root / "opt/devicemgr").is_symlink()
    assert box.files() == set()


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_the_built_package_holds_a_product_that_runs(tmp_path: Path) -> None:
    """DEVICEMGR_DEB names a package that is built already."""
    built = os.environ.get("DEVICEMGR_DEB")
    if not built:
        subprocess.run([ROOT / "packaging/deb.sh", tmp_path / "out"], check=True)
        (built,) = map(str, (tmp_path / "out").glob("*.deb"))
    tree = tmp_path / "tree"
    subprocess.run(["dpkg-deb", "-x", built, tree], check=True)
    environment = tree / "opt/devicemgr"
    texts = (environment / "pyvenv.cfg", environment / "bin/devicemgr")
    assert all("/tmp/" not in text.read_text() for text in texts), "paths of where it was built"
    for name in (
        "usr/bin/devicemgr",
        "usr/lib/systemd/system/devicemgr.service",
        "usr/share/man/man1/devicemgr.1.gz",
        "usr/share/devicemgr/grafana/devicemgr.json",
        "usr/share/devicemgr/prometheus/alerts.yml",
    ):
        assert (tree / name).is_file(), name

    def run(*words: str) -> str:
        command = [
            environment / "bin/python",
            "-P",
            "-c",
            "import cli; cli.main()",
            *words,
            "--home",
            tmp_path / "home",
        ]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode in (0, 4), ran.stderr
        return ran.stdout

    # As postinst does; else each process would compile it.
    subprocess.run([environment / "bin/python", "-m", "compileall", "-q", environment / "lib"], check=False)
    run("init")
    assert "whole, and of this version" in run("doctor")

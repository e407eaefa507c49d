"""The product as installed: a wheel is built once, installed beside this checkout, and its commands run from there."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.wheels import ROOT, Installed

pytestmark = pytest.mark.timeout(300)  # a process of its own each, and the first one compiles the installed modules

RULE = (
    'ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", ATTRS{serial}=="A10KZ42X", SYMLINK+="gate/arm", '
    'GROUP="dialout", MODE="0660", TAG+="systemd", ENV{SYSTEMD_WANTS}+="devicemgr.service", '
    'ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"'
)
# Of the desk's sources its words are installed, which mails use too; and what is built of them, where it was built
# (make desk).
DESK = "devicemgr/web/"
WORDS = {f"{DESK}i18n/{language}.json" for language in ("en", "ru", "kk")}
EVERY_MODULE = """
import importlib, importlib.metadata, json, pathlib, sys
import cli
base = pathlib.Path(cli.__file__).parent
names = [str(f) for f in importlib.metadata.files("devicemgr") if f.suffix == ".py" and "migrations" not in f.parts]
modules = [n[:-3].replace("/", ".").removesuffix(".__init__") for n in names]
for name in modules:
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to(base), module.__file__
print(json.dumps([str(base), len(modules)]))
"""
EVERY_HELP = """
import json, typer.main, cli
def walk(command, words):
    for name, inner in getattr(command, "commands", {}).items():
        yield [*words, name]
        yield from walk(inner, [*words, name])
print(json.dumps(list(walk(typer.main.get_command(cli.app), []))))
"""


@pytest.fixture(scope="module")
def made(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the installed command made, for these tests to copy."""
    home = tmp_path_factory.mktemp("made") / "home"
    installed.devicemgr("init", home=home)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(installed: Installed) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "devicemgr", "drivers", "enrollment", "udev", "cli.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    desk = {name for name in held if name.startswith(DESK)}
    named = (name for name in listed.stdout.splitlines() if not name.startswith(DESK))
    assert held - desk == {name for name in named if (ROOT / name).is_file()}
    assert {name for name in desk if not name.startswith(f"{DESK}dist/")} == WORDS


def test_a_built_desk_is_in_the_wheel(tmp_path: Path) -> None:
    """A copy of the tree with a built page, which git does not follow."""
    copy = tmp_path / "copy"
    for name in ("devicemgr/__init__.py", "cli.py", "pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    files = ("dist/index.html", "dist/assets/index-1.js", "dist/assets/index-1.js.gz", "src/main.ts", "package.json")
    for name in files:
        (copy / DESK / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / DESK / name).write_text(name)
    build = "from hatchling.build import build_wheel; print(build_wheel('out'))"
    ran = subprocess.run(
        [sys.executable, "-c", build], cwd=copy, check=True, capture_output=True, text=True, timeout=120
    )
    with zipfile.ZipFile(copy / "out" / ran.stdout.split()[-1]) as wheel:
        held = {name.removeprefix(DESK) for name in wheel.namelist() if name.startswith(DESK)}
    assert held == set(files[:3])


def test_every_module_comes_from_the_installed_wheel(installed: Installed) -> None:
    base, count = json.loads(installed.python("-c", EVERY_MODULE).stdout)
    assert Path(base).is_relative_to(installed.folder)
    assert count > 200


def test_every_command_explains_itself(installed: Installed) -> None:
    commands = json.loads(installed.python("-c", EVERY_HELP).stdout)
    assert len(commands) > 60
    script = (
        "import sys, json, contextlib, io, cli\n"
        "from typer.testing import CliRunner\n"
        "runner = CliRunner()\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    ran = runner.invoke(cli.app, [*words, '--help'])\n"
        "    assert ran.exit_code == 0 and 'Usage' in ran.output, (words, ran.output)\n"
    )
    installed.python("-c", script, json.dumps(commands))


def test_the_words_of_mails_are_found(installed: Installed) -> None:
    script = (
        "from devicemgr.outlets.mail.words import CATALOGS, catalog\n"
        "print(CATALOGS, *(catalog(language)['kind.tamper'] for language in ('en', 'ru', 'kk')))"
    )
    found = installed.python("-c", script).stdout
    assert found.startswith(str(installed.folder))
    assert "Device tampered with" in found


def test_the_rules_template_is_found(installed: Installed) -> None:
    ran = installed.devicemgr("udev", "rules")
    assert ran.stdout == (ROOT / "udev" / "70-devicemgr.rules.in").read_text()


def test_rules_are_installed_and_verified(installed: Installed, adapters: Any) -> None:
    adapters.add("1-1", "0403", "6001", "A10KZ42X")
    command = str(installed.folder / "bin" / "devicemgr")
    made = adapters.run(command, "udev", "install", "--rule", RULE, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["names"] == ["arm"]
    assert adapters.links("ttyUSB0") == {"arm"}
    checked = adapters.run(command, "udev", "verify", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["problems"]) == (0, [])


def test_a_home_is_made_looked_at_and_its_record_exported(installed: Installed, home: Path, tmp_path: Path) -> None:
    kinds = json.loads(installed.devicemgr("device", "drivers", "--json", home=home).stdout)
    assert {"modbus_gate", "onvif_camera", "hikvision_console"} <= {one["kind"] for one in kinds}
    installed.devicemgr("audit", "export", str(tmp_path / "bundle.zip"), home=home)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        bundle.extract("verify.py", tmp_path)
    installed.python(str(tmp_path / "verify.py"), str(tmp_path / "bundle.zip"))


@pytest.mark.e2e
def test_the_daemon_of_the_wheel_starts_and_ends(installed: Installed, home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            [installed.folder / "bin" / "devicemgr", "run", "--home", home],
            cwd=tmp_path,
            env=installed.environment,
            stdout=output,
            stderr=output,
        )
        try:
            installed.wait_for(log, "ready after", daemon)
            found = json.loads(installed.devicemgr("status", "--json", home=home).stdout)
            assert found["daemon"]["running"]
        finally:
            daemon.terminate()
            assert daemon.wait(20) == 0, log.read_text()


@pytest.mark.e2e
def test_faces_are_analyzed_by_the_installed_worker(installed: Installed, home: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (320, 240), "gray").save(tmp_path / "empty.jpg")
    ran = installed.devicemgr("enroll", "check", str(tmp_path / "empty.jpg"), home=home, code=None)
    assert "no face" in (ran.stdout + ran.stderr).replace("_", " ")

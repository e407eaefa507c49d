"""The catalog of driver kinds."""

import dataclasses
import importlib
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import NotFound
from drivers import Catalog

KINDS = Catalog().kinds()


def test_the_first_wave_is_there():
    assert {"modbus_gate", "relay_gate"} <= set(KINDS)
    assert sorted(KINDS) == KINDS
    assert not [kind for kind in KINDS if kind.startswith("_")]


def test_an_unknown_kind_says_where_to_look():
    with pytest.raises(NotFound, match=r"no driver kind 'nosuch'$") as refused:
        Catalog().get("nosuch")
    assert refused.value.hint.code == "list_drivers"


@pytest.mark.parametrize("kind", ["_serial", "../cli", "os", "modbus_gate\n", ""])
def test_only_kinds_are_imported(kind):
    with pytest.raises(NotFound) as caught:
        Catalog().get(kind)
    assert "\n" not in str(caught.value)


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """foreign(name, source) installs a third-party package with one driver kind of that name."""

    def install(name, source, attribute=""):
        (tmp_path / f"{name}_package.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[devicemgr.drivers]\n{name} = {name}_package{attribute}\n")
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


GOOD = """
from pydantic import BaseModel
from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
DRIVER = Driver("acme_gate", "Acme", frozenset({Capability.GATE}), BaseModel, lambda config: None)
"""


@pytest.mark.parametrize("attribute", ["", ":DRIVER"])
def test_third_party_drivers_come_by_entry_point(foreign, attribute):
    foreign("acme_gate", GOOD, attribute)
    sys.modules.pop("acme_gate_package", None)
    assert "acme_gate" in Catalog().kinds()
    assert Catalog().get("acme_gate").title == "Acme"


def test_a_build_by_name_is_imported_by_the_first_call_alone(foreign):
    foreign(
        "late_gate", GOOD.replace("acme_gate", "late_gate").replace("lambda config: None", "'late_gate_device:build'")
    )
    folder = Path(importlib.import_module("late_gate_package").__file__).parent
    (folder / "late_gate_device.py").write_text("def build(config):\n    return ('built', config)\n")
    importlib.invalidate_caches()
    driver = Catalog().get("late_gate")
    assert "late_gate_device" not in sys.modules
    assert driver.build("a configuration") == ("built", "a configuration")
    assert "late_gate_device" in sys.modules
    assert dataclasses.replace(driver, title="Other") == Driver(
        "late_gate", "Other", driver.capabilities, driver.options, "late_gate_device:build"
    )


@pytest.mark.parametrize("name", ["late_gate", "late_gate:", ":build", "late gate:build", "late_gate:build()"])
def test_a_build_that_is_no_name_is_refused_with_the_form(name):
    with pytest.raises(ValueError, match="write it as module:attribute"):
        Driver("late_gate", "Late", frozenset(), BaseModel, name)


def test_a_driver_needs_a_build():
    with pytest.raises(TypeError, match="build"):
        Driver("late_gate", "Late", frozenset(), BaseModel)


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError('boom\\n\\x1b[31m')", "import no_such_library", "x = (", "DRIVER = 3"],
)
def test_a_broken_third_party_driver_is_reported_and_hides_no_other(foreign, caplog, source):
    kind = f"broken_{len(source)}"
    foreign(kind, source)
    with pytest.raises(NotFound, match=f"driver kind '{kind}' does not load") as caught:
        Catalog().get(kind)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "does not load" in caplog.text
    drivers, broken = Catalog().survey()
    assert list(broken) == [kind]
    assert {driver.kind for driver in drivers} == set(KINDS)

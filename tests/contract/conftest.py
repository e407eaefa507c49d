"""Which kinds the contract runs on: those of this product, or the one that --driver names."""

import pytest

from drivers import Catalog


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames and metafunc.module.__name__.endswith("test_driver"):
        named = metafunc.config.getoption("--driver")
        metafunc.parametrize("kind", [named] if named else Catalog().kinds())

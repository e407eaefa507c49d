"""Lists of firmware with known vulnerabilities that driver packages ship."""

from collections.abc import Callable
from importlib.resources import files

FILE = "known_vulnerable.toml"


def advisories_of(package: str) -> Callable[[], bytes]:
    """Return a function that reads the list beside a driver's modules; for `Driver.advisories`."""
    return lambda: files(package).joinpath(FILE).read_bytes()

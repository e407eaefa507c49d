"""One file a device family; the file's name is the kind. `Catalog` finds them without importing any."""

import importlib
import logging
import pkgutil
from importlib.metadata import EntryPoint, entry_points

from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import Hint, NotFound
from devicemgr.text import safe

ENTRY_POINTS = "devicemgr.drivers"

_log = logging.getLogger(__name__)


class Catalog:
    """The installed driver kinds: files of this package and entry points of the group `devicemgr.drivers`."""

    def kinds(self) -> list[str]:
        """Sorted names; imports no driver."""
        return sorted({*_own_kinds(), *_foreign_kinds()})

    def get(self, kind: str) -> Driver:
        """Return the driver of `kind`; raise NotFound for an unknown kind, or if its file fails to load (logged)."""
        if kind in _own_kinds():
            return _load(kind, EntryPoint(kind, f"{__name__}.{kind}", ENTRY_POINTS))
        foreign = _foreign_kinds().get(kind)
        if foreign is None:
            raise NotFound(f"no driver kind '{safe(kind, 60)}'", hint=Hint("list_drivers"))
        return _load(kind, foreign)

    def survey(self) -> tuple[list[Driver], dict[str, str]]:
        """List every driver that loads, and why each other kind does not: one bad package hides no other."""
        drivers: list[Driver] = []
        broken: dict[str, str] = {}
        for kind in self.kinds():
            try:
                drivers.append(self.get(kind))
            except NotFound as error:
                broken[kind] = str(error)
        return drivers, broken


def _own_kinds() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__) if module.name not in {"common", "sim"}}


def _foreign_kinds() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _load(kind: str, point: EntryPoint) -> Driver:
    try:
        found: object = importlib.import_module(point.module) if not point.attr else point.load()
        driver = getattr(found, "DRIVER", found)
        if not isinstance(driver, Driver) or driver.kind != kind:
            raise TypeError(f"{point.value} exports no DRIVER of kind {kind}")
    except Exception as error:
        # Third-party code: whatever it raises on import must not take the other devices down.
        _log.exception("driver kind %s does not load", safe(kind, 60))
        cause = safe(f"{type(error).__name__}: {error}".replace("\n", " "), 200)
        raise NotFound(
            f"driver kind '{safe(kind, 60)}' does not load ({cause}); repair or remove its package"
        ) from error
    return driver

"""A disk that has no room left."""

from contextlib import suppress
from pathlib import Path


def fill(folder: Path) -> None:
    """Until not a byte more fits."""
    with (folder / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass

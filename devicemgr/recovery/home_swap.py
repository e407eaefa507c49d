"""A home put in another one's place, so that a kill at any moment leaves the old one or the new one.

The new home stands whole in `.restoring/new`. From the moment that `.restoring/swap` is there the swap only goes
forward, and the next process that opens the home continues it: first the old files move out, then the new move in.
"""

import shutil
from pathlib import Path

from devicemgr.atomic_files import sync_folder, write_durably
from devicemgr.errors import StorageFailed
from devicemgr.home import Home

_STAGE = ".restoring"


def stage(home: Home) -> Home:
    """Return an empty home to be filled; what a restore before left unfinished is deleted."""
    folder = home.path / _STAGE
    shutil.rmtree(folder, ignore_errors=True)
    fresh = Home(folder / "new")
    fresh.path.mkdir(mode=0o700, parents=True)
    return fresh


def drop(home: Home) -> None:
    """Delete what was staged, unless the swap has begun."""
    if not (home.path / _STAGE / "swap").exists():
        shutil.rmtree(home.path / _STAGE, ignore_errors=True)


def begin(home: Home, replaced: str) -> None:
    """From here the swap is done, whatever happens; the old home will be in the folder `replaced` in this one."""
    sync_folder(home.path / _STAGE / "new")
    write_durably(home.path / _STAGE / "swap", replaced.encode())
    sync_folder(home.path / _STAGE)
    sync_folder(home.path)


def finish(home: Home) -> None:
    """Go on with a swap that has begun; nothing without one. The caller owns the home."""
    folder = home.path / _STAGE
    try:
        if not (folder / "swap").is_file():
            return
        old = home.path / (folder / "swap").read_text()
        if not (folder / "moved").exists():
            _move(home.path, old, but={_STAGE, home.lock.name, old.name})
            write_durably(folder / "moved", b"")
            sync_folder(folder)
        _move(folder / "new", home.path, but=set())
        shutil.rmtree(folder)
        sync_folder(home.path)
    except OSError as error:
        raise StorageFailed(f"the restored home could not be put in place ({error}); run the command again") from error


def is_under_way(home: Home) -> bool:
    """Whether a swap has begun and not ended."""
    return (home.path / _STAGE / "swap").is_file()


def occupants(home: Home) -> list[str]:
    """Return what stands in a home, beside what a restore itself puts there."""
    if not home.path.is_dir():
        return []
    return sorted(path.name for path in home.path.iterdir() if path.name not in (_STAGE, home.lock.name))


def _move(source: Path, target: Path, but: set[str]) -> None:
    names = [path.name for path in source.iterdir() if path.name not in but]
    if names:
        target.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        (source / name).rename(target / name)
    sync_folder(source)
    if names:
        sync_folder(target)

"""`devicemgr support-bundle`."""

import io
import os
import tarfile
import time
from pathlib import Path
from typing import Annotated

import typer

from devicemgr.cli.context import api, session
from devicemgr.cli.output import say
from devicemgr.errors import AlreadyExists, InvalidInput, KeyMissing, NotInitialized, StorageFailed
from devicemgr.text import counted, safe

app = typer.Typer()


@app.command("support-bundle")
def bundle(file: Annotated[Path, typer.Argument(help="The bundle to write, such as support.tar.gz.")]) -> None:
    """Write versions, checks, states, log and facts for support: no people, no faces, no passwords."""
    try:
        files: dict[str, str] = api().call("GET", "/support", timeout=None)
    except (NotInitialized, KeyMissing, StorageFailed) as error:
        from devicemgr.operations.support_bundle import collect_closed  # noqa: PLC0415 - the store's libraries

        files = collect_closed(session().home, error)
    _write(file, files)
    document = {"file": str(file), "files": sorted(files)}
    say(f"{counted(len(files), 'file')} in {file}; look through it before you send it: tar xzf {file.name}", document)


def _write(file: Path, files: dict[str, str]) -> None:
    """Write a new file that only its owner can read."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise AlreadyExists(f"{safe(str(file), 200)} is there already; give another name") from error
    except OSError as error:
        raise InvalidInput(f"cannot write {safe(str(file), 200)} ({error.strerror}); give another place") from error
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            data = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"devicemgr-support/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
            tar.addfile(entry, io.BytesIO(data))

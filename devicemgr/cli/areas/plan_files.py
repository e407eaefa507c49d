"""Files of pictures: read within the folder of a site's file, and written beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devicemgr.atomic_files import new_file
from devicemgr.cli.context import api
from devicemgr.cli.transport.api_client import path
from devicemgr.errors import AlreadyExists, InvalidInput
from devicemgr.site.plans.picture import MAX_BYTES, digest_of
from devicemgr.text import safe

_SECONDS = 60.0


def read_picture(file: Path) -> bytes:
    """Return the content of a file; InvalidInput for what can't be read or is over 8 MB."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} can't be read ({error.strerror}); give a PNG, JPEG, WebP or SVG file") from error
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{file} is over 8 MB; make the picture smaller")
    return content


def beside(site_file: Path, plans: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the pictures that the plans of a site's file name, as far as they are there and the site has not got them.

    Raises InvalidInput for a path that leads out of the folder of the site's file.
    """
    named = {name: plan for name, plan in plans.items() if isinstance(plan, dict) and plan.get("picture")}
    if not named:
        return {}
    known = {one["picture"][part] for one in api().get("/plans") if one["picture"] for part in _DIGESTS}
    found = {}
    for name, plan in named.items():
        file = _within(site_file, name, str(plan["picture"]))
        if plan.get("sha256") not in known and file.is_file():
            found[name] = read_picture(file)
    return found


_DIGESTS = ("sha256", "source_sha256")


def _within(site_file: Path, plan: str, picture: str) -> Path:
    """Return where a picture lies; links are followed before it is looked at, so that none leads elsewhere."""
    folder = site_file.parent.resolve()
    try:
        file = (folder / picture).resolve()
        is_within = file.is_relative_to(folder) and not Path(picture).is_absolute()
    except (OSError, ValueError, RuntimeError):
        is_within = False
    if not is_within:
        raise InvalidInput(
            f"[plans.{safe(plan, 60)}]: picture '{safe(picture, 100)}' is outside the folder of the site's file; "
            "put it beside the file"
        )
    return file


def write_beside(site_file: Path, plans: Mapping[str, Any]) -> list[Path]:
    """Write the pictures of plans beside a site's file; return where. One that is there already stays."""
    written = []
    for name, plan in plans.items():
        if not plan.get("picture"):
            continue
        file = site_file.parent / plan["picture"]
        if file.is_file() and digest_of(read_picture(file)) == plan["sha256"]:
            continue
        if file.exists():
            raise AlreadyExists(f"{file} is there already and is another picture; move it, or export to another folder")
        download(name, file)
        written.append(file)
    return written


def download(plan: str, file: Path) -> None:
    """Write the picture of a plan into a new file."""
    with new_file(file, 0o644) as out:
        api().download("GET", path("plans", plan, "picture"), out, timeout=_SECONDS)

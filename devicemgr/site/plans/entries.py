"""Plans in a site's file: their placements, and pictures that travel as files beside it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from devicemgr.errors import InvalidInput
from devicemgr.site.plans import files
from devicemgr.site.plans.picture import Picture, clean_picture, digest_of
from devicemgr.site.plans.service import NewPicture, Placement
from devicemgr.site.site import Site
from devicemgr.store.areas import plans as rows
from devicemgr.store.zone_tables import PlanRow
from devicemgr.text import safe

Entries = Mapping[str, dict[str, Any]]
"""The plans of a file by name, as `PlanEntry.stated` has them."""


class PlanEntry(BaseModel):
    """A plan of a site's file: the file of its picture, by a path within the site file's folder, and its digest."""

    model_config = ConfigDict(extra="forbid")
    picture: str | None = Field(None, min_length=1, max_length=200)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    placements: list[Placement] = []

    def stated(self) -> dict[str, Any]:
        """Return the entry as the file has it, its placements in the order of their names."""
        found = {"picture": self.picture, "sha256": self.sha256}
        placements = [one.stated() for one in self.placements]
        return {name: value for name, value in found.items() if value is not None} | {"placements": placements}


@dataclass(frozen=True, slots=True)
class Pictures:
    """Clean pictures by the names of their plans, and what is `missing`: pictures that were not sent."""

    found: Mapping[str, Picture] = field(default_factory=dict)
    missing: list[dict[str, Any]] = field(default_factory=list)


def resolve(site: Site, entries: Entries, sent: Mapping[str, bytes]) -> Pictures:
    """Return the pictures that plans get, and bring the entries to the form that `current` has.

    A picture is known by the digest of the file that it was made of, too: so a file that was applied has nothing to
    change. One that is missing leaves the plan's picture as it is. Call it outside any transaction.
    """
    if unknown := sorted(set(sent) - set(entries)):
        raise InvalidInput(f"a picture was sent for plan '{safe(unknown[0], 60)}', which is not in the site's file")
    with site.database.read() as session:
        present = {row.name: row for row in rows.plans(session)}
    found: dict[str, Picture] = {}
    missing = []
    for name, entry in entries.items():
        row, content = present.get(name), sent.get(name)
        wanted = _digest(entry, content)
        picture = entry.pop("picture", None)
        entry.pop("sha256", None)
        if wanted is not None and content is not None and not _has(row, wanted):
            found[name] = clean_picture(content)
            entry |= {"picture": rows.picture_name(name, found[name].media), "sha256": wanted}
        elif row is not None:
            stated = rows.stated(row)
            entry |= {part: stated[part] for part in ("picture", "sha256") if part in stated}
        if picture is not None and name not in found and not (wanted and _has(row, wanted)):
            missing.append({"name": name, "picture": picture, "sha256": wanted})
        entry["placements"] = entry.pop("placements")
    return Pictures(found, missing)


@contextmanager
def written(site: Site, pictures: Mapping[str, Picture], *, is_plan: bool) -> Iterator[dict[str, NewPicture]]:
    """Yield the pictures with the files that hold them, which are deleted again after an error; a plan writes none."""
    new: dict[str, NewPicture] = {}
    try:
        for name, picture in pictures.items():
            new[name] = NewPicture(picture, "" if is_plan else files.write(site.home, picture.content))
        yield new
    except BaseException:
        _drop(site, new.values())
        raise


def _drop(site: Site, new: Iterable[NewPicture]) -> None:
    files.remove(site.home, [one.file for one in new])


def _digest(entry: Mapping[str, Any], content: bytes | None) -> str | None:
    """Return the digest of the picture that the file wants; InvalidInput for another file than it says."""
    stated: str | None = entry.get("sha256")
    if content is None:
        return stated
    found = digest_of(content)
    if stated not in (None, found):
        picture = safe(str(entry.get("picture")), 100)
        raise InvalidInput(f"{picture} is another file than the site's file says (sha256); see which one you want")
    return found


def _has(row: PlanRow | None, digest: str) -> bool:
    return row is not None and row.file is not None and digest in (row.digest, row.given)

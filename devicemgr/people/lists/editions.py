"""Keep the list of all people in memory as it was last read, with the revision at which each of them changed.

Nothing is written down for it: after a restart, or for a revision from before the first reading, all people count as
changed.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from devicemgr.site.site import Site
from devicemgr.store.people.lists import roster
from devicemgr.store.people.lists.roster import Line, Version

MAX_REMOVED = 1000
"""So many badges of removed people are kept; beyond that the history begins again."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the list of an older revision; `whole`: `changed` is everyone, forget what you had."""

    revision: int
    whole: bool
    changed: Sequence[Line]
    removed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Edition:
    """The list of all people at one version, and since when each line is as it is.

    `begun` is the revision of the first reading. Times that only the clock has changed have the place behind their
    revision, so that a client with that revision gets them too.
    """

    version: Version
    lines: Mapping[str, Line]
    begun: int
    changed_at: Mapping[str, float] = field(default_factory=dict)
    removed_at: Mapping[str, float] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Return what names the list's content: the revision, and the end of the last grant that ended by itself."""
        digits = "".join(filter(str.isdigit, self.version.ended or ""))
        return f"{self.version.revision}-{digits}" if digits else str(self.version.revision)

    def since(self, revision: int) -> Changes:
        """Return what has changed since a revision."""
        if not self.begun <= revision <= self.version.revision:
            return Changes(self.version.revision, True, list(self.lines.values()), [])
        changed = [self.lines[badge] for badge in _behind(self.changed_at, revision)]
        return Changes(self.version.revision, False, changed, _behind(self.removed_at, revision))

    def followed_by(self, version: Version, lines: Mapping[str, Line]) -> "Edition":
        """Return the edition of a later reading."""
        at = version.revision if version.revision > self.version.revision else version.revision + 0.5
        gone = dict.fromkeys(self.lines.keys() - lines.keys(), at)
        removed = {badge: since for badge, since in {**self.removed_at, **gone}.items() if badge not in lines}
        if version.revision < self.version.revision or len(removed) > MAX_REMOVED:
            return Edition(version, lines, version.revision)
        fresh = {badge: at for badge, line in lines.items() if self.lines.get(badge) != line}
        changed = {badge: since for badge, since in {**self.changed_at, **fresh}.items() if badge in lines}
        return Edition(version, lines, self.begun, changed, removed)


def _behind(places: Mapping[str, float], revision: int) -> list[str]:
    return sorted(badge for badge, since in places.items() if since > revision)


class Editions:
    """The newest edition of one site, read again when its version has moved."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._newest: Edition | None = None

    def newest(self) -> Edition:
        """Return the list as it is now."""
        with self._lock, self._site.database.read() as session:
            version = roster.version(session)
            found = self._newest
            if found is None or found.version != version:
                lines = roster.read(session)
                found = found.followed_by(version, lines) if found else Edition(version, lines, version.revision)
                self._newest = found
            return found


def as_json(lines: Iterable[Line]) -> list[dict[str, object]]:
    """Return lines as JSON objects."""
    return [line._asdict() for line in lines]

"""Whose a person is: of the site itself, or of one source, which alone changes what it keeps of them."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from devicemgr.people.tables.present import PresentPerson
from devicemgr.store.people.sources import BY_SOURCE, Managed
from devicemgr.text import safe

BY_TABLE = "table"
"""What `people.suspended_by` says of those whom a table no longer named."""


def group_key(text: str) -> str:
    """Return a group as it is compared: without capitals and double spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def mapped_levels(groups: Iterable[str], held: Sequence[str], levels: Mapping[str, str]) -> list[str]:
    """Return the levels of a person in these groups: no level that is not among those mapped to is touched."""
    by_group = {group_key(group): level for group, level in levels.items()}
    given = {by_group[key] for group in groups if (key := group_key(group)) in by_group}
    return sorted((set(held) - set(levels.values())) | given)


def foreign_to(person: PresentPerson, source: str | None, source_id: str | None) -> str | None:
    """Return why a row of a source, with an id if it has ids, is not this person's; None if it is."""
    shown = safe(person.badge, 40)
    if person.source not in (None, source):
        return f"badge {shown} is kept by source {person.source}, and a person has one source at most"
    # Without a column of ids the badge is the id; one that is added later takes its place.
    if source_id and person.source_id not in (None, person.badge, source_id):
        other = safe(str(person.source_id), 40)
        return f"badge {shown} is that of id {other}; erase that person, or give another badge"
    return None


def kept_fields(person: PresentPerson, changed: Mapping[str, Sequence[Any]], managed: Managed | None) -> list[str]:
    """Return which of the changed fields, each with its value before and after, only the person's source changes."""
    if managed is None:
        return []
    kept = {name for name in changed if name in managed.fields and name not in ("levels", "suspended")}
    before, after = (set(values or ()) for values in changed.get("levels", ((), ())))
    if (before ^ after) & managed.levels:
        kept.add("levels")
    if changed.get("suspended") == [True, False] and person.suspended_by == BY_SOURCE:
        kept.add("suspended")
    return sorted(kept)


def resumes_by_itself(person: PresentPerson, source: str | None) -> bool:
    """Return True if naming the person ends their suspension: a table or their source had suspended them."""
    return person.suspended_by == BY_TABLE or (source is not None and person.suspended_by == BY_SOURCE)

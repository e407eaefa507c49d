"""Names cut to what a device holds."""

import unicodedata

_JOINER = "\u200d"


def cut_name(name: str, most_bytes: int) -> str:
    """Cut `name` to fit in UTF-8, between characters as people see them: no letter loses its accent."""
    if len(name.encode("utf-8")) <= most_bytes:
        return name
    size, keep = 0, 0
    for place, char in enumerate(name):
        if not _continues(name, place):
            keep = place
        size += len(char.encode("utf-8"))
        if size > most_bytes:
            break
    return name[:keep].rstrip()


def _continues(name: str, place: int) -> bool:
    """Return True if the character at `place` belongs to the one before it."""
    joined = place > 0 and name[place - 1] == _JOINER
    return place > 0 and (joined or name[place] == _JOINER or unicodedata.category(name[place]).startswith("M"))

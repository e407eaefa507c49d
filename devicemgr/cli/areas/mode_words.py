"""A portal's mode in words."""

from typing import Any


def mode_words(portal: dict[str, Any]) -> str:
    """Return the mode in force at a portal, and what it is because of where that is not a guard's word."""
    if portal["because"] in ("default", "guard"):
        return str(portal["effective_mode"])
    return f"{portal['effective_mode']} ({' '.join(filter(None, (portal['because'], portal['rule'])))})"

"""The state of an outlet in words."""

from typing import Any


def outlet_state(found: dict[str, Any]) -> str:
    """Return an outlet's state and why the last try failed."""
    cause = found.get("cause")
    return f"{found['state']}: {cause}" if cause and found["state"] != "paused" else str(found["state"])

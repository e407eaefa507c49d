"""Refusals of what one person should have on a console, joined into one."""

from devicemgr.errors import DeviceRefused, HeldInPart, NotVerifiable


def note_refusal(failed: dict[str, DeviceRefused], key: str, why: DeviceRefused) -> None:
    """Add a refusal to those of a person; in part only if all are."""
    before = failed.get(key)
    if before is None:
        failed[key] = why
        return
    kind = HeldInPart if all(isinstance(one, (HeldInPart, NotVerifiable)) for one in (before, why)) else DeviceRefused
    failed[key] = kind(f"{before}; {why}")

"""Decide where a device's kept password may go: to the place that it was given for, protected as well as then.

A technician may change a device's address and options but not read its password, so a change that would send the
password elsewhere, or send it less well protected, needs the password in the same request.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from devicemgr.devices.addresses import Place, place_of
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.options import GUARD, VERIFIES, WIDENS
from devicemgr.errors import Hint, InvalidInput

__all__ = ["GUARD", "VERIFIES", "WIDENS", "is_kept_place", "require_again"]

_SECURED = {"http": "https", "rtsp": "rtsps"}
_USUAL_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}


def require_again(options: type[BaseModel], before: DeviceConfig, after: DeviceConfig) -> None:
    """Raise InvalidInput if the kept password of `before` would go where `after` says and may not."""
    if before.password is None:
        return
    if not is_kept_place(before.address, after.address):
        what = f"for {before.address} and not for {after.address}"
    elif weakened := _weakened(options, before, after):
        what = f"while option {weakened} was another one"
    else:
        return
    raise InvalidInput(
        f"the password of device '{before.name}' was given {what}; give it again in the same change",
        hint=Hint("edit_device_password", name=before.name),
    )


def is_kept_place(before: str, after: str) -> bool:
    """Return True if a password for the address `before` may go to `after`: the same host and port, no less secure.

    Ports of this box count as one place, since moving a cable needs no password anyway.
    """
    if before == after:
        return True
    old, new = place_of(before), place_of(after)
    if old is None or new is None:
        return False
    if not old.scheme and not new.scheme and old.host.startswith("/") and new.host.startswith("/"):
        return True
    if old.host != new.host:
        return False
    is_secured = _SECURED.get(old.scheme) == new.scheme
    if is_secured and (old.port, new.port) == (_USUAL_PORTS[old.scheme], _USUAL_PORTS[new.scheme]):
        return True
    return old.port == new.port and (is_secured or _is_secure(new) or not _is_secure(old))


def _is_secure(place: Place) -> bool:
    return place.scheme in _SECURED.values()


def _weakened(options: type[BaseModel], before: DeviceConfig, after: DeviceConfig) -> str | None:
    """Return the first option whose change sends the password to other hosts or in clear text, or trusts others."""
    was_secure = (place := place_of(before.address)) is not None and _is_secure(place)
    old, new = _filled(options, before.options), _filled(options, after.options)
    for name, field in options.model_fields.items():
        extra = field.json_schema_extra
        guard = extra.get(GUARD) if isinstance(extra, dict) else None
        if guard is None or old[name] == new[name]:
            continue
        if (guard == "widens" and new[name]) or (guard == "verifies" and was_secure):
            return name
    return None


def _filled(options: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {name: field.get_default(call_default_factory=True) for name, field in options.model_fields.items()}
    return defaults | {name: value for name, value in given.items() if value is not None}

"""Names of topics: `devicemgr/SITE/…`, of which each level is a short name."""

import hashlib
import re
from dataclasses import dataclass

from devicemgr.domain.rules.alarms import Alarm, is_about_a_person

# MQTT 5.0, 4.7: + # / have a meaning, U+0000 is forbidden, and control characters are discouraged (1.5.4).
_NOT_IN_A_LEVEL = re.compile(r"[^a-z0-9._-]")
_PORTAL = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_DIGEST_CHARS = 8
_MAX_LEVEL_CHARS = 80


def level(text: str) -> str:
    """Return a text as one level of a topic; what is changed for that gets a mark that tells it from others."""
    found = _NOT_IN_A_LEVEL.sub("_", text.lower())[:_MAX_LEVEL_CHARS]
    if found == text and found:
        return found
    return f"{found}_{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]}"


def alarm_key(alarm: Alarm) -> str:
    """Return the last level of an alarm's topic: its kind and its place; alarms of people are one, without a name."""
    if is_about_a_person(alarm.kind):
        return level(alarm.kind)
    return f"{level(alarm.kind)}-{level(alarm.subject)}"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one site."""

    site: str

    @property
    def base(self) -> str:
        """Return what all of them begin with."""
        return f"devicemgr/{level(self.site)}"

    @property
    def client_id(self) -> str:
        """Return what the broker knows this site's connection by."""
        return f"devicemgr-{level(self.site)}"

    @property
    def available(self) -> str:
        """Return where `online` or `offline` is kept."""
        return f"{self.base}/available"

    @property
    def test(self) -> str:
        """Return where test messages go."""
        return f"{self.base}/test"

    @property
    def discovery(self) -> str:
        """Return where Home Assistant finds the site (its docs, MQTT, "Device discovery payload")."""
        return f"homeassistant/device/{self.device_id}/config"

    @property
    def device_id(self) -> str:
        """Return what Home Assistant knows the site by."""
        return f"devicemgr_{level(self.site)}"

    @property
    def commands(self) -> str:
        """Return the filter of commands to portals."""
        return f"{self.base}/command/portal/+"

    @property
    def states(self) -> tuple[str, ...]:
        """Return the filters of all retained states."""
        return tuple(f"{self.base}/{rest}" for rest in ("portal/+/state", "zone/+", "device/+", "alarm/+"))

    def portal(self, name: str) -> str:
        """Return where a portal's state is kept."""
        return f"{self.base}/portal/{level(name)}/state"

    def zone(self, name: str) -> str:
        """Return where a zone's count is kept."""
        return f"{self.base}/zone/{level(name)}"

    def device(self, name: str) -> str:
        """Return where a device's health is kept."""
        return f"{self.base}/device/{level(name)}"

    def alarm(self, alarm: Alarm) -> str:
        """Return where an alarm stands while it is on."""
        return f"{self.base}/alarm/{alarm_key(alarm)}"

    def event(self, kind: str) -> str:
        """Return where events of a kind go; `+` for the filter of all."""
        return f"{self.base}/event/{kind if kind == '+' else level(kind)}"

    def command(self, portal: str) -> str:
        """Return where commands to a portal arrive."""
        return f"{self.base}/command/portal/{level(portal)}"

    def result(self, command_id: str) -> str:
        """Return where the answer to a command goes; the id is checked before."""
        return f"{self.base}/result/{command_id}"

    def commanded(self, topic: str) -> str | None:
        """Return the portal that a command's topic names; None for another topic."""
        start = f"{self.base}/command/portal/"
        name = topic.removeprefix(start)
        return name if topic.startswith(start) and _PORTAL.match(name) else None

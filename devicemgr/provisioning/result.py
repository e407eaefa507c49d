"""What setting a device up has come to: its steps, one a setting, and the whole."""

from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.device_profile import Setting
from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceError


@dataclass(slots=True)
class Step:
    """One setting's row: `outcome` is same, differs, changed, unsupported, refused, failed, unknown or not_tried."""

    setting: Setting
    outcome: str = "not_tried"
    was: JsonValue = None
    now: JsonValue = None
    why: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is not as it should be."""
        return self.outcome in ("refused", "failed", "unknown", "not_tried")

    def as_json(self) -> dict[str, Any]:
        """For the API; no secrets."""
        return {
            "step": self.setting.name,
            "wanted": self.setting.value,
            "was": self.was,
            "now": self.now,
            "outcome": self.outcome,
            "why": self.why,
        }


@dataclass(slots=True)
class Result:
    """What became of one device; `error` is why it could not be continued, unless it was canceled."""

    device: str
    profile: str
    steps: list[Step] = field(default_factory=list)
    error: DeviceError | None = None
    was_canceled: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything that it offers is, or by a plan can be made, as the profile says."""
        return self.error is None and not any(step.failed for step in self.steps)

    def named(self, *outcomes: str) -> list[str]:
        """Return the settings that ended so."""
        return [step.setting.name for step in self.steps if step.outcome in outcomes]

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "device": self.device,
            "profile": self.profile,
            "ok": self.ok,
            "differs": bool(self.named("differs")),
            "error": str(self.error) if self.error else None,
            "exit_code": self.error.exit_code if self.error else int(not self.ok),
            "steps": [step.as_json() for step in self.steps],
        }

"""Setting a device up by its profile: each setting is read, compared, set, and read back; what is met is left alone.

A kill at any point only means running it again: passwords are stored before they are sent, and everything else is
read from the device itself.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from devicemgr.domain.device_profile import Profile, Setting
from devicemgr.domain.model import DeviceConfig, JsonValue
from devicemgr.domain.ports.device import Device, Provisionable, SettingsDesk
from devicemgr.errors import (
    DeviceError,
    DeviceGarbled,
    DeviceLacks,
    DeviceRefused,
    DeviceUnreachable,
    Hint,
    InvalidInput,
    OutcomeUnknown,
)
from devicemgr.provisioning.result import Result, Step
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.store.site.provisioning import OWN, SENT, SETTLED, Secret

log = logging.getLogger(__name__)

PROVISIONED = "admin.device_provisioned"
_LOST = (DeviceUnreachable, DeviceGarbled, OutcomeUnknown)
# A device that takes over a password or starts another server may be away for a moment.
_TRIES, _PAUSE_S = 4, 1.0
_MAX_SILENCES = 2

Record = Callable[[Session, dict[str, Any]], None]
Progress = Callable[[str, int, int], bool]
"""Takes the present step, how many are done and how many there are; False to end before this step."""


def _go_on(_step: str, _done: int, _of: int) -> bool:
    return True


class Provisioning:
    """One device and its profile; `plan` touches nothing, `apply` makes it so. InvalidInput for a kind that can't."""

    def __init__(
        self,
        site: Site,
        name: str,
        profile: str | None,
        record: Record,
        changed: Callable[[], None],
        progress: Progress = _go_on,
    ) -> None:
        self._site, self._record, self._changed, self._progress = site, record, changed, progress
        with site.database.read() as session:
            row = device_store.device(session, name)
            before = provisioning.progress(session, row.id)
            chosen = profile or row.profile or (before and before["profile"])
            if not chosen:
                raise InvalidInput(f"device '{name}' has no profile", hint=Hint("pass_profile"))
            stated = provisioning.profile(session, chosen)
            self._config = device_store.device_config(row, site.vault)
            self._made = provisioning.secret(session, site.vault, row.id, OWN)
        self._resumed = before is not None and before["phase"] == "running"
        self._result = Result(name, chosen, [Step(setting) for setting in self._settings(stated)])
        self._device: Device | None = None
        self._desk: SettingsDesk | None = None
        self._holds_new = self._begun = False
        self._silences = 0

    def _settings(self, profile: Profile) -> list[Setting]:
        own = (self._config.username or "").lower()
        if any(user.name.lower() == own for user in profile.users):
            raise InvalidInput(
                f"user '{self._config.username}' is how device '{self._config.name}' is reached; "
                "take it out of the profile's users, and use replace_default_password for its password"
            )
        return profile.settings(self._config.name)

    def plan(self) -> Result:
        """Return what differs; nothing is sent but questions."""
        return self._run(self._look)

    def apply(self) -> Result:
        """Make the device what the profile says, as far as it can be."""
        result = self._run(self._set)
        self._finish(result)
        return result

    def _run(self, each: Callable[[SettingsDesk, Step], None]) -> Result:
        try:
            desk = self._reach()
            if each == self._set and self._holds_new:
                self._confirm()
            for number, step in enumerate(self._result.steps):
                if not self._progress(step.setting.name, number, len(self._result.steps)):
                    self._result.was_canceled = True
                    break
                self._try(each, self._desk or desk, step)
        except DeviceError as error:
            self._result.error = error
        finally:
            self._let_go()
        return self._result

    def _try(self, each: Callable[[SettingsDesk, Step], None], desk: SettingsDesk, step: Step) -> None:
        """One step; its failure ends all only when the device is gone."""
        try:
            each(desk, step)
        except DeviceLacks as error:
            step.outcome, step.why = "unsupported", str(error)
        except DeviceRefused as error:
            step.outcome, step.why = "refused", str(error)
        except (DeviceGarbled, DeviceUnreachable) as error:
            # Some hang up where they should say that they have no such thing.
            step.outcome, step.why = "unknown" if step.outcome == "unknown" else "failed", str(error)
            self._silences += isinstance(error, DeviceUnreachable)
            if self._desk is None or self._silences >= _MAX_SILENCES:
                raise

    # Reaching it: one password, or the one made here and the one from before it.

    def _reach(self) -> SettingsDesk:
        made = self._made
        if made is None or made.phase != SENT or made.password == self._config.password:
            return self._connect(self._config.password)
        try:
            found = self._connect(made.password)
            self._holds_new = True
        except DeviceRefused:
            found = self._connect(self._config.password)
        return found

    def _confirm(self) -> None:
        """Make the new password the device's, once it lets that in: set it again, for some let everybody in."""
        assert self._made is not None
        assert self._desk is not None
        try:
            _sent(self._desk, Setting("password", True, secret=self._made.password))
        except DeviceRefused:  # some take no password twice
            if self._proven([self._config.password, self._made.password]) != self._made.password:
                self._holds_new = False
                return
        self._settle()

    def _connect(self, password: str | None) -> SettingsDesk:
        self._let_go()
        config: DeviceConfig = replace(self._config, password=password)
        self._device = self._site.parts.catalog.get(config.driver).build(config)
        if not isinstance(self._device, Provisionable):
            raise InvalidInput(f"devices of kind {config.driver} can't be set up from here; only ONVIF devices can")
        self._desk = self._device.settings()
        return self._desk

    def _let_go(self) -> None:
        device, self._device, self._desk = self._device, None, None
        if device is not None:
            device.close()

    # One setting.

    def _look(self, desk: SettingsDesk, step: Step) -> None:
        step.was = step.now = desk.read(step.setting)
        if self._is_met(step.setting, step.was):
            step.outcome = "same"
        else:
            desk.check(step.setting)
            step.outcome = "differs"
            if step.setting.kind == "user" and step.setting.is_met(step.was):
                step.why = "its password was not made here"

    def _set(self, desk: SettingsDesk, step: Step) -> None:
        self._look(desk, step)
        if step.outcome == "same":
            return
        self._begin(step)
        step.outcome = "unknown"  # until it is read back
        if step.setting.kind == "password":
            self._set_own_password(step)
        elif step.setting.kind == "user":
            self._set_user(desk, step)
        else:
            self._set_plain(desk, step)

    def _is_met(self, setting: Setting, found: JsonValue) -> bool:
        match setting.kind:
            case "password":
                return self._made is not None and self._made == Secret(self._config.password or "", SETTLED)
            case "user":
                kept = self._secret(setting.subject)
                return setting.is_met(found) and kept is not None and kept.phase == SETTLED
        return setting.is_met(found)

    def _set_plain(self, desk: SettingsDesk, step: Step) -> None:
        lost = _sent(desk, step.setting)
        step.now = _again(lambda: desk.read(step.setting))
        if lost is not None and not step.setting.is_met(step.now):
            lost = _sent(desk, step.setting)  # nothing moves by a setting, so it may be sent again
            step.now = _again(lambda: desk.read(step.setting))
        if step.setting.is_met(step.now):
            step.outcome = "changed"
        elif lost is not None:
            step.outcome, step.why = "failed", str(lost)
        else:
            step.outcome, step.why = "failed", "the device answers that it did so, and has another value; update it"

    def _set_user(self, desk: SettingsDesk, step: Step) -> None:
        user = step.setting.subject
        with self._site.database.write(changes_site=False) as session:
            made = provisioning.make_secret(session, self._site.vault, self._config.id, user)
        setting = replace(step.setting, secret=made.password)
        step.why = ""
        lost = _sent(desk, setting)
        if lost is not None:  # the user may be there with this password or without: set it once more, whichever
            lost = _sent(desk, setting)
        step.now = _again(lambda: desk.read(step.setting))
        if lost is not None:
            step.outcome, step.why = "unknown", str(lost)
        elif not step.setting.is_met(step.now):
            step.outcome, step.why = "failed", "the device answers that it did so, and has no such user in this role"
        else:
            with self._site.database.write(changes_site=False) as session:
                kept = Secret(made.password, SETTLED)
                provisioning.keep_secret(session, self._site.vault, self._config.id, user, kept)
            step.outcome = "changed"

    def _set_own_password(self, step: Step) -> None:
        """Store, send and prove the password.

        Until it is proven both passwords are kept, and both tried the next time.
        """
        with self._site.database.write(changes_site=False) as session:
            self._made = made = provisioning.make_secret(session, self._site.vault, self._config.id, OWN)
        setting = replace(step.setting, secret=made.password)
        assert self._desk is not None
        refused: DeviceRefused | None = None
        try:
            _sent(self._desk, setting)
        except DeviceRefused as error:
            refused = error
        step.now = None
        passwords = [made.password, self._config.password]
        if self._proven(passwords if refused is None else passwords[::-1]) == made.password:
            self._settle()
            step.outcome, step.now = "changed", True
            return
        if refused is None:
            step.outcome, step.why = "failed", "the device goes on with the password from before; both are kept"
            return
        with self._site.database.write(changes_site=False) as session:
            provisioning.forget_secrets(session, self._config.id, [OWN])
        raise refused

    def _proven(self, passwords: Iterable[str | None]) -> str | None:
        """Return the first password that the device takes; OutcomeUnknown when it takes none now."""
        for password in passwords:
            try:
                _again(lambda password=password: self._connect(password))  # type: ignore[misc]
            except DeviceRefused as error:
                log.info("%s refuses one of its two passwords (%s)", self._config.name, error)
            else:
                return password
        raise OutcomeUnknown("the device takes neither the old nor the new password now; both are kept: run it again")

    def _settle(self) -> None:
        """Keep the new password as the device's from now on: the device has it."""
        assert self._made is not None
        self._made, self._holds_new = Secret(self._made.password, SETTLED), False
        self._config = replace(self._config, password=self._made.password)
        with self._site.database.write() as session:
            device_store.set_password(
                device_store.device(session, self._config.name), self._site.vault, self._made.password
            )
            provisioning.keep_secret(session, self._site.vault, self._config.id, OWN, self._made)
        self._changed()

    def _secret(self, user: str) -> Secret | None:
        with self._site.database.read() as session:
            return provisioning.secret(session, self._site.vault, self._config.id, user)

    # The record.

    def _begin(self, step: Step) -> None:
        with self._site.database.write(changes_site=False) as session:
            provisioning.begin(session, self._config.id, self._result.profile, step.setting.name)
            if not self._begun:
                more = {"resumed": True} if self._resumed else {}
                self._record(session, self._named({"phase": "begun"} | more))
        self._begun = True

    def _finish(self, result: Result) -> None:
        named = {
            name: found
            for name, *outcomes in (
                ("changed", "changed"),
                ("unsupported", "unsupported"),
                ("failed", "refused", "failed", "unknown"),
            )
            if (found := result.named(*outcomes))
        }
        outcome = "failed" if not result.ok else "changed" if "changed" in named else "unchanged"
        ended_by = str(result.error) if result.error else "it was canceled" if result.was_canceled else ""
        cause = {"cause": ended_by} if ended_by else {}
        with self._site.database.write(changes_site=False) as session:
            provisioning.end(session, self._config.id, result.profile, done=result.ok)
            self._record(session, self._named({"phase": "ended", "outcome": outcome} | named | cause))

    def _named(self, detail: dict[str, Any]) -> dict[str, Any]:
        return {"device": self._config.name, "profile": self._result.profile} | detail


def _sent(desk: SettingsDesk, setting: Setting) -> DeviceError | None:
    """Send it; the error when its answer was lost, and it may have been done."""
    try:
        desk.write(setting)
    except _LOST as error:
        return error
    return None


def _again(ask: Callable[[], Any]) -> Any:
    """Return the result of a call, retried a few times while the device is away."""
    for tries in range(_TRIES):
        try:
            return ask()
        except DeviceUnreachable:
            if tries + 1 == _TRIES:
                raise
        time.sleep(_PAUSE_S)
    raise AssertionError("the last try ends in an answer or an error")

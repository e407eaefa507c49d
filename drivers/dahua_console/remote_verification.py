"""The mode of a Dahua (Intelbras) terminal: alone, pushing, or asking here; set on opening and checked again."""

import contextlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceRefused
from drivers.common.http.key_values import flat
from drivers.common.http.push_server import addresses_of
from drivers.dahua_console.cgi import Cgi
from drivers.dahua_console.events.push import PushListener
from drivers.dahua_console.refusals import CgiRefused

if TYPE_CHECKING:
    from drivers.dahua_console.options import Options

ALONE, PUSHES, ASKS = "0", "1", "2"
ANSWER_S = 5
_KEEP_ALIVE_S = 10
_MODE = "Intelbras_ModeCfg"
_DEVICE_MODE = f"{_MODE}.DeviceMode"
_UPLOAD = "PictureHttpUpload"
_SERVER = f"{_UPLOAD}.UploadServerList[0]"
_ANY_PORT = 9
# What works with other values too.
_TIMES = {"KeepAlive.Interval", "KeepAlive.Path", "KeepAlive.TimeOut", "RemoteCheckTimeout"}


class OnlineMode:
    """Owns the listener, where there is one; `complaint` names times that the terminal keeps otherwise."""

    def __init__(self, cgi: Cgi, host: str, options: "Options") -> None:
        self._cgi, self._host, self._options = cgi, host, options
        self._asks = options.decide == "host"
        self.complaint: str | None = None
        self.listener: PushListener | None = None
        if options.push_port:
            self.listener = PushListener(options.push_port, addresses_of(host), asks=self._asks, seconds=ANSWER_S)

    def start(self) -> None:
        """Listen, and tell the terminal where; or take it out of a mode in which it would send no questions."""
        if self.listener is None:
            self._leave_online_mode()
            return
        self.listener.start()
        self._configure(self.listener)

    def verify(self) -> None:
        """Set it again where it was changed: a reset terminal sends no questions."""
        if self.listener is None:
            return
        changed = self._changed(self._settings(self.listener))
        if any(name not in _TIMES for name in changed):
            self._configure(self.listener)

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """ports.Verifier."""
        if self.listener is None or not self._asks:
            raise DeviceRefused("this terminal decides by itself (option decide); nothing is to be answered")
        self.listener.answer(serial, granted, words)

    def refused_pushes(self) -> list[PushRefused]:
        """Return the pushes from other addresses that are due to be recorded."""
        return self.listener.refused() if self.listener is not None else []

    def stop(self) -> None:
        """Listen no more; the terminal keeps its mode, and its fallback."""
        if self.listener is not None:
            self.listener.stop()

    def _configure(self, listener: PushListener) -> None:
        settings = self._settings(listener)
        try:
            for table in (_UPLOAD, _MODE):
                pairs = [(name, value) for name, value in settings if name.startswith(f"{table}.")]
                self._cgi.order("configManager", "setConfig", pairs)
        except CgiRefused as error:
            raise DeviceRefused(
                "this terminal's firmware has no event server or online mode; take out push_port and use decide=console"
            ) from error
        changed = self._changed(settings)
        if lost := [name for name in changed if name not in _TIMES]:
            raise DeviceRefused(f"the terminal said OK, and does not keep {', '.join(lost)}; restart it")
        self.complaint = f"the terminal keeps times of its own for {', '.join(changed)}" if changed else None

    def _settings(self, listener: PushListener) -> list[tuple[str, str]]:
        settings = [
            (f"{_UPLOAD}.Enable", "true"),
            (f"{_SERVER}.Address", self._options.push_host or _own_address(self._host)),
            (f"{_SERVER}.Port", str(listener.port)),
            (f"{_SERVER}.Uploadpath", listener.path),
            (_DEVICE_MODE, ASKS if self._asks else PUSHES),
        ]
        if self._asks:
            alone = self._options.fallback == "console"
            settings += [
                (f"{_MODE}.KeepAlive.Enable", "true" if alone else "false"),
                (f"{_MODE}.KeepAlive.Interval", str(_KEEP_ALIVE_S)),
                (f"{_MODE}.KeepAlive.Path", listener.path),
                (f"{_MODE}.KeepAlive.TimeOut", "2000"),
                (f"{_MODE}.RemoteCheckTimeout", str(ANSWER_S)),
            ]
        return settings

    def _changed(self, settings: list[tuple[str, str]]) -> list[str]:
        """Return what the terminal holds otherwise, as far as it shows that; its mode must be shown."""
        there = self._table(_UPLOAD) | self._table(_MODE)
        return [
            name.removeprefix(f"{_UPLOAD}.").removeprefix(f"{_MODE}.")
            for name, value in settings
            if there.get(f"table.{name}", "" if name == _DEVICE_MODE else value).lower() != value.lower()
        ]

    def _leave_online_mode(self) -> None:
        with contextlib.suppress(CgiRefused):
            if self._table(_MODE).get(f"table.{_DEVICE_MODE}") == ASKS:
                self._cgi.order("configManager", "setConfig", [(_DEVICE_MODE, ALONE)])

    def _table(self, name: str) -> dict[str, str]:
        try:
            return flat(self._cgi.text("configManager", "getConfig", [("name", name)]))
        except CgiRefused:
            return {}


def _own_address(host: str) -> str:
    """Find the local address used to reach `host`, without sending a byte."""
    bare = urlsplit(f"//{host}").hostname or host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as held:
            held.connect((host if ":" in host else bare, _ANY_PORT))
            return str(held.getsockname()[0])
    except OSError as error:
        raise DeviceRefused("this computer's address is not known; give it as push_host") from error

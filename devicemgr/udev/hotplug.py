"""Serial ports that appear, as udev tells: a hint to try at once. Without udev, devices are tried all the same."""

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_PAUSE_S = 5.0


class Hotplug:
    """Calls `on_return` with all names of a device file (`/dev/ttyUSB0`, `/dev/gate/arm`, …) that has appeared."""

    def __init__(self, on_return: Callable[[frozenset[str]], None]) -> None:
        self._on_return = on_return
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotplug", daemon=True)
        self.listening = threading.Event()

    def start(self) -> None:
        """Begin to listen, if libudev is there."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin to end, within a second."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except ImportError as error:
                log.info("no hints of plugged ports, which are looked for all the same: %s", error)
                return
            except Exception as error:  # a lost netlink buffer, or what an odd libudev raises
                log.warning("hints of plugged ports were lost, which are looked for all the same: %s", error)
                self._stopping.wait(_PAUSE_S)

    def _listen(self) -> None:
        import pyudev  # noqa: PLC0415 - a hint only: the daemon runs without libudev

        # From udev rather than the kernel: by then the links are made and the modes are set.
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        monitor.filter_by("tty")
        monitor.start()
        self.listening.set()
        while not self._stopping.is_set():
            device = monitor.poll(_LOOK_S)
            if device is not None and device.action != "remove":
                self._on_return(_names(device))


def _names(device: Any) -> frozenset[str]:
    links = device.properties.get("DEVLINKS", "").split()
    return frozenset([*([device.device_node] if device.device_node else []), *links])

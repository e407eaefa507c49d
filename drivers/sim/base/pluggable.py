"""A simulated device on a port, to be plugged in and pulled, by hand or as a context manager."""

from typing import Self

from drivers.sim.base.ports import Port
from drivers.sim.base.thread import Brain, Peer


class Plugged:
    """A brain behind a port, in a thread of its own."""

    def __init__(self, port: Port, brain: Brain) -> None:
        self._port = port
        self._peer = Peer(port, brain)

    @property
    def path(self) -> str:
        """The address for a driver: the link, the pty, or tcp://host:port."""
        return self._port.address

    def start(self) -> Self:
        """Plug in; InvalidInput when the link or port is taken."""
        self._peer.start()
        return self

    def stop(self) -> None:
        """Unplug, remove the link, end the thread."""
        self._peer.stop()

    def unplug(self) -> None:
        """Pull the cable; the device itself goes on."""
        self._peer.unplug()

    def replug(self) -> None:
        """Plug in again: another pty behind the same link."""
        self._peer.replug()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

"""A device on a serial port: a pty in raw mode."""

import os
import pty
import select
import threading
import tty

from tests.contract.peers.base import Peer


class SerialPeer(Peer):
    """`cut` takes one request from the front of what has come, `answer` answers it."""

    def __init__(self) -> None:
        super().__init__()
        # The slave stays open here, or reading would fail while no program holds the port.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.address = os.ttyname(self._slave)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self, received: bytes) -> int:
        """Return how long the first request is; 0 while it is not whole. What is none is dropped byte by byte: -1."""
        raise NotImplementedError

    def answer(self, request: bytes) -> bytes:
        """Return what is sent back, b"" for nothing."""
        raise NotImplementedError

    def _run(self) -> None:
        received = b""
        while not self._ended.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            received += os.read(self._master, 4096)
            while received and (size := self.cut(received)) != 0:
                request, received = received[: max(size, 1)], received[max(size, 1) :]
                if size > 0 and not self.swallows():
                    os.write(self._master, self.answer(request))

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)
        os.close(self._master)
        os.close(self._slave)

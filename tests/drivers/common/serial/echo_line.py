"""A line between driver and device that repeats what the driver sends, and loses or delays what it is asked to."""

import os
import pty
import select
import socket
import threading
import tty

WRITES = {0x05, 0x06, 0x0F, 0x10}


class EchoLine:
    """An RS-485 adapter that hears itself, or with `tcp` a serial server with local echo; a context manager.

    `loses(data)` says which bytes of the driver never reach the device; `swallows` are bytes cut out of them;
    `holds(data)` says which bytes of the device are kept back until the driver's next command, or `let_go`.
    """

    def __init__(self, device=None, *, tcp=False, echoes=True, loses=lambda _: False):
        self.echoes, self.loses, self.holds = echoes, loses, lambda _: False
        self.swallows = b""
        self.echoed, self.lost, self.held = [], [], []
        self._listener = socket.create_server(("127.0.0.1", 0)) if tcp else None
        self._front, self._slave = (None, None) if tcp else pty.openpty()
        if tcp:
            self.path = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            tty.setraw(self._slave)
            self.path = os.ttyname(self._slave)
        self._device = os.open(device, os.O_RDWR | os.O_NOCTTY) if device else None
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._stopped, b"x")
        self._thread.join()
        if self._listener:
            self._listener.close()
        client = [self._front] if self._front is not None else []
        others = [self._slave] if self._slave is not None else []
        for fd in (*client, *others, self._device, self._stop, self._stopped):
            if fd is not None:
                os.close(fd)

    def _run(self):
        while True:
            waits = [fd for fd in (self._stop, self._front, self._device) if fd is not None]
            waits += [self._listener] if self._listener else []
            ready, _, _ = select.select(waits, [], [])
            if self._stop in ready:
                return
            if self._listener in ready:
                client, _ = self._listener.accept()
                self._front = client.detach()
            if self._front in ready:
                self._from_driver(os.read(self._front, 512))
            if self._device in ready:
                self._from_device(os.read(self._device, 512))

    def _from_driver(self, data):
        if not data:
            os.close(self._front)
            self._front = None
            return
        if self.echoes:
            os.write(self._front, data)
            self.echoed.append(data)
        if self.swallows and self.swallows in data:
            self.lost.append(self.swallows)
            data = data.replace(self.swallows, b"")
        if self.loses(data):
            self.lost.append(data)
        elif self._device is not None:
            os.write(self._device, data)
        if is_command(data):
            self.let_go()

    def let_go(self):
        """Deliver what was held back."""
        while self.held:
            os.write(self._front, self.held.pop(0))

    def _from_device(self, data):
        if self.holds(data):
            self.held.append(data)
        else:
            os.write(self._front, data)


def is_command(frame):
    """Whether these bytes are a Modbus write."""
    return len(frame) > 1 and frame[1] in WRITES

"""The API on a Unix socket; the caller's user comes from the kernel (SO_PEERCRED), never from what is sent."""

import asyncio
import os
import socket
import stat
import struct
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from devicemgr.errors import SystemFault
from devicemgr.home import socket_address

_PEERCRED = struct.Struct("3i")


class PeerCredProtocol(H11Protocol):
    """HTTP/1.1 whose client address is `uid:N`, pid."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look at the peer before it says anything."""
        super().connection_made(transport)
        line = transport.get_extra_info("socket")
        if line is not None and line.family == socket.AF_UNIX:
            pid, uid, _ = _PEERCRED.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size))
            self.client = (f"uid:{uid}", pid)


def bind(path: Path) -> socket.socket:
    """A listening Unix socket, 0660; a stale one of our own home gives way, anything else is left alone."""
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise SystemFault(f"{path} is in the way and is not a socket; move it away")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(socket_address(path))
    except OSError as error:
        listener.close()
        raise SystemFault(f"cannot listen on {path} ({error}); a home with a shorter path may help") from error
    finally:
        os.umask(before)
    listener.listen(128)
    return listener


class ApiServer:
    """Serves the app on its own thread."""

    def __init__(self, app: FastAPI, path: Path) -> None:
        self._path = path
        self._listener = bind(path)
        config: Any = uvicorn.Config(
            app, http=PeerCredProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=1, server_header=False, h11_max_incomplete_event_size=64 * 1024,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def is_alive(self) -> bool:
        """True while it answers."""
        return self._thread.is_alive()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop answering and take the socket away; also when it never began."""
        self._server.should_exit = True
        if self._thread.ident is None:
            self._listener.close()
        else:
            self._thread.join(timeout)
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

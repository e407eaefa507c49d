"""The API on Unix sockets and on TCP.

On a Unix socket the caller's user comes from the kernel (SO_PEERCRED), never from what is sent; on TCP there are no
users of the system, whatever is sent.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import stat
import struct
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from devicemgr.api.connection_limits import NetworkProtocol, limited
from devicemgr.api.csrf import DOOR, Door
from devicemgr.api.listeners import Listen
from devicemgr.errors import Hint, SystemFault
from devicemgr.home import LONGEST_ADDRESS, socket_address

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


class OverTcp:
    """ASGI: marks each request with the door by which it came."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        await self._app({**scope, DOOR: self._door}, receive, send)


def bind(path: Path) -> socket.socket:
    """Return a listening Unix socket, 0660; an old one of ours gives way, anything else is left alone.

    It is made in a private folder beside `path` and moved there: no one can replace it before that.
    """
    if len(os.fsencode(socket_address(path))) > LONGEST_ADDRESS:
        raise SystemFault(f"cannot listen on {path} (the path is too long); a home with a shorter path may help")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _check_folder(path, folder)
            _put(listener, folder, path)
        finally:
            os.close(folder)
    except OSError as error:
        listener.close()
        raise SystemFault(f"cannot listen on {path} ({error.strerror}); check who owns its folder") from error
    except SystemFault:
        listener.close()
        raise
    return listener


def _check_folder(path: Path, folder: int) -> None:
    found = os.fstat(folder)
    if found.st_uid not in (0, os.geteuid()):
        raise SystemFault(
            f"{path.parent} belongs to another user; run the daemon as that one", hint=Hint("choose_home")
        )
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        raise SystemFault(f"others may write into {path.parent}; run: chmod go-w {path.parent}")
    with contextlib.suppress(FileNotFoundError):
        there = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISSOCK(there.st_mode) or there.st_uid not in (0, os.geteuid()):
            raise SystemFault(f"{path} is in the way and is not a socket of ours; move it away")


def _put(listener: socket.socket, folder: int, path: Path) -> None:
    private = f".{path.name}.{secrets.token_hex(4)}"
    os.mkdir(private, 0o700, dir_fd=folder)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{private}/s")
        os.chmod(f"{private}/s", 0o660, dir_fd=folder)
        listener.listen(128)
        os.rename(f"{private}/s", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(f"{private}/s", dir_fd=folder)
        raise
    finally:
        os.rmdir(private, dir_fd=folder)


class _Served:
    """One uvicorn on a thread of its own."""

    def __init__(self, name: str, app: Any, listeners: Sequence[socket.socket], **more: Any) -> None:
        self._listeners = list(listeners)
        # Without proxy_headers a caller on this box can't name itself by X-Forwarded-For.
        config: Any = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            server_header=False,
            h11_max_incomplete_event_size=64 * 1024,
            proxy_headers=False,
            **more,
        )
        self._server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def ask_to_stop(self) -> None:
        self._server.should_exit = True
        if self.thread.ident is None:
            for listener in self._listeners:
                listener.close()

    def _run(self) -> None:
        self._server.run(sockets=self._listeners)


class ApiServer:
    """Serves the app on its home's socket, and if configured on one more for operators and on TCP."""

    def __init__(self, app: FastAPI, path: Path, listen: Listen | None = None, shared: Path | None = None) -> None:
        self._own: list[tuple[Path, tuple[int, int]]] = []
        network = limited(listen.bind()) if listen else None
        local = [self._bind(place) for place in (path, shared) if place]
        self._served = [_Served("api", app, local, http=PeerCredProtocol)]
        self.port: int | None = network.getsockname()[1] if network else None
        if listen and network:
            self._served.append(
                _Served(
                    "api-tcp",
                    OverTcp(app, listen.door),
                    [network],
                    http=partial(NetworkProtocol, network.limits),
                    loop="asyncio",
                    backlog=128,
                    ssl_certfile=listen.cert,
                    ssl_keyfile=listen.key,
                )
            )

    def _bind(self, path: Path) -> socket.socket:
        listener = bind(path)
        self._own.append((path, _identity(path)))
        return listener

    def start(self) -> None:
        """Begin to answer."""
        for served in self._served:
            served.thread.start()

    def is_alive(self) -> bool:
        """Return True while all of it answers."""
        return all(served.thread.is_alive() for served in self._served)

    def stop(self, timeout: float = 2.0) -> None:
        """Stop answering and take the sockets away; also when it never began."""
        for served in self._served:
            served.ask_to_stop()
        for served in self._served:
            if served.thread.ident is not None:
                served.thread.join(timeout)
        for path, identity in self._own:
            with contextlib.suppress(OSError):
                if _identity(path) == identity:  # not one that another daemon has put there since
                    path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino

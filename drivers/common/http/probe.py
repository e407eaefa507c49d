"""One careful request to each of many hosts: who is a console of a make? No credentials, a deadline, little read."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from selectors import EVENT_WRITE, DefaultSelector

from devicemgr.domain.ports.driver import Found
from devicemgr.errors import DeviceError
from drivers.common.http.tls import blind_context
from drivers.common.http.transport import HttpTransport

PORTS = {"http": 80, "https": 443}
# Few at once: in the daemon, gates and cameras live on the same file descriptors.
_MAX_CONNECTIONS, _CONNECT_S = 64, 0.5
_HOST_S, _MAX_BODY_BYTES = 2.0, 65_536
_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Reply:
    """A host's answer to one GET: status, its WWW-Authenticate headers, and the beginning of its body."""

    status: int
    challenges: tuple[str, ...]
    body: bytes


def find(
    seconds: float, hosts: Sequence[str], target: str, recognise: Callable[[str, Reply], Found | None]
) -> list[Found]:
    """Send a GET of `target` to each of `hosts` and collect what `recognise(address, reply)` returns; never raise.

    HTTPS (unverified: nothing secret is sent) is tried where the port of HTTP is closed.
    """
    until = time.monotonic() + seconds
    targets: list[str] = []
    silent = list(hosts)
    for scheme, port in PORTS.items():
        open_here = set(_reachable(silent, port, until))
        targets += [_address(scheme, host, port) for host in silent if host in open_here]
        silent = [host for host in silent if host not in open_here]

    def ask(address: str) -> Found | None:
        reply = get(address, target, min(until, time.monotonic() + _HOST_S))
        return None if reply is None else recognise(address, reply)

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="http-probe") as pool:
        return [found for found in pool.map(ask, targets) if found is not None]


def get(address: str, target: str, until: float) -> Reply | None:
    """Send one GET that ends at `until` (CLOCK_MONOTONIC) and follows no redirect; None without a whole answer."""
    transport = HttpTransport(blind_context())
    transport.deadline.until = until
    if transport.deadline.is_over():
        return None
    try:
        with closing(transport.open("GET", address + target, [("User-Agent", "devicemgr")])) as answer:
            challenges = tuple(value[:1000] for value in answer.challenges[:8])
            return Reply(answer.status, challenges, answer.read(_MAX_BODY_BYTES))
    except DeviceError:
        return None


def _address(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{shown}" + ("" if port == usual else f":{port}")


def _reachable(hosts: Sequence[str], port: int, until: float) -> Iterator[str]:
    """Find the hosts whose `port` is open, some dozens tried at once."""
    for start in range(0, len(hosts), _MAX_CONNECTIONS):
        if time.monotonic() < until:
            yield from _open_of(
                hosts[start : start + _MAX_CONNECTIONS], port, min(until, time.monotonic() + _CONNECT_S)
            )


def _open_of(hosts: Sequence[str], port: int, until: float) -> list[str]:
    found = []
    with DefaultSelector() as selector:
        for host in hosts:
            family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
            try:
                line = socket.socket(family, socket.SOCK_STREAM)
            except OSError:
                continue
            line.setblocking(False)
            try:
                line.connect_ex((host, port))
                selector.register(line, EVENT_WRITE, host)
            except OSError:
                line.close()
        while selector.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                selector.unregister(key.fileobj)
                with closing(key.fileobj) as line:
                    if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        found.append(str(key.data))
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return found

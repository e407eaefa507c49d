"""The console's push (httpHosts) as a hint: whatever comes only wakes the reading of the console's memory.

Pushes are not authenticated, so what they say is not even read, and nothing opens by them.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from devicemgr.domain.device_events import PushRefused
from devicemgr.errors import DeviceBusy
from drivers.common.http.push_server import PushServer, addresses_of
from drivers.hikvision_console.isapi import Isapi, items, section
from drivers.hikvision_console.own_commands import own_address

HOSTS = "/ISAPI/Event/notification/httpHosts"
PATH = "/devicemgr"
_SECONDS = 5.0
_MOST_BODY = 1 << 20


class PushListener:
    """A tiny HTTP server on the address that the console sees; it answers 200 and calls `wake`."""

    def __init__(self, console: str, port: int, wake: Callable[[], None]) -> None:
        self.host = own_address(console)
        try:
            self._server = _Server((self.host, port), urlsplit(console).hostname or "", wake)
        except OSError as error:
            raise DeviceBusy(f"port {port} for pushes is taken ({error.strerror}); give another push_port") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="console-push", daemon=True)
        self._thread.start()

    def register(self, isapi: Isapi) -> bool:
        """Have the console push here, where it does not yet; whether that had to be set. Some forget it on restart."""
        hosts = isapi.get(HOSTS)
        for host in items(hosts.get("HttpHostNotification") or section(hosts, "HttpHostNotificationList")):
            if (str(host.get("ipAddress")), str(host.get("portNo"))) == (self.host, str(self.port)):
                return False
        fields = {
            "id": "1",
            "url": PATH,
            "protocolType": "HTTP",
            "parameterFormatType": "JSON",
            "addressingFormatType": "ipaddress",
            "ipAddress": self.host,
            "portNo": str(self.port),
            "httpAuthenticationMethod": "none",
        }
        isapi.put_xml(f"{HOSTS}/1", "HttpHostNotification", fields)
        return True

    def refused(self) -> list[PushRefused]:
        """See PushServer."""
        return self._server.refused()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_SECONDS)


class _Server(PushServer):
    def __init__(self, address: tuple[str, int], console: str, wake: Callable[[], None]) -> None:
        self.wake = wake
        super().__init__(address, _Handler, addresses_of(console), _SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 1.0

    def do_POST(self) -> None:
        self._drain()
        self.server.wake()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _drain(self) -> None:
        """Take the body off the line, within bounds, and look at none of it."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), _MOST_BODY) if length.isascii() and length.isdigit() else 0
        until = time.monotonic() + _SECONDS
        with contextlib.suppress(OSError):
            while left > 0 and time.monotonic() < until and (chunk := self.rfile.read1(min(left, 65536))):
                left -= len(chunk)

    def log_message(self, *args: object) -> None:
        """Nothing of a push is logged."""

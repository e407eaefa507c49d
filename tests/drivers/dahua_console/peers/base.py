"""Terminals built from documents and field reports alone; nothing here comes from the driver or its simulator.

Intelbras: API of access controllers (intelbras-caco-api.intelbras.com.br; AccessUser, AccessCard, AccessFace, at most
ten a request, card numbers in upper-case hexadecimal; error codes of its events).
Bench notes on an SS 5531 MF EX, firmware 3.002.00IB000.0.R: public repository GoFacialEmulator,
internal/emulator/dahua (access_face.go, handlers.go, repository.go): envelopes of refusals, one AccessControlCard row a
person, a face that goes with its row, FaceInfoManager's Total of one person.
Probe of an ASI7213Y-V3, firmware 1.000.0000014.0.R: public repository mini-DSS, device-probe/DEVICE-REPORT.md and
API-MATRIX.md: doSeekFind and getQuerySize, StartTime ignored, CardNo mandatory though it may be empty, silence after
about 90 quick requests, no new connection while the picture stream is open.
"""

import hashlib
import json
import re
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

PLAIN_REFUSAL = (400, "Error\r\nBad Request!\r\n")
NOT_THERE = (501, "Error\r\nNot Implemented!\r\n")
_FIELD = re.compile(r'(\w+)="?([^",]+)"?')


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def coded(code, *fail_codes):
    """A refusal as an SS 5531 MF EX words it: {"code":N,"message":""}, or a batch's envelope with FailCodes."""
    if not fail_codes:
        return 400, json.dumps({"code": code, "message": ""}, separators=(",", ":"))
    detail = {"FailCodes": list(fail_codes), "FailCount": len(fail_codes)}
    return 400, json.dumps({"code": code, "detail": detail, "message": "Batch Process Error"}, separators=(",", ":"))


class FieldTerminal:
    """HTTP with Digest and what each model answers; `requests` holds (CLOCK_MONOTONIC second, method, target, status).

    `one_use_nonces` as some firmware has it: each request needs a fresh challenge.
    """

    model = "ASI7213X"
    one_use_nonces = False

    def __init__(self):
        self.requests = []
        self.config = {"AccessControl[0].UnlockHoldInterval": "3000", "AccessControl[0].State": "Normal"}
        self.lock = threading.RLock()
        self._nonces = {}
        self.ended = threading.Event()
        terminal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def do_GET(self):
                terminal._serve(self, b"")

            def do_POST(self):
                terminal._serve(self, self.rfile.read(int(self.headers["Content-Length"])))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def targets(self, word=""):
        """Targets of authorized requests that hold `word`."""
        return [target for _, _, target, status in self.requests if status != 401 and word in target]

    def admit(self, handler):
        """Return False for a request that gets no answer at all."""
        return True

    def _serve(self, handler, body):
        if not self.admit(handler):
            handler.close_connection = True
            return
        refused = self.crowd(handler)
        if refused is None and not self._is_authorized(handler):
            refused = 401, ""
        status, answer = refused if refused is not None else self._answer(handler, body)
        self.requests.append((time.monotonic(), handler.command, handler.path, status))
        if answer is None:
            return
        data = answer if isinstance(answer, bytes) else answer.encode()
        handler.send_response(status)
        if status == 401:
            handler.send_header("WWW-Authenticate", self._challenge())
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def crowd(self, handler):
        """Return an answer that comes before anything else, such as a busy one; None for the usual one."""

    def _challenge(self):
        nonce = secrets.token_hex(8)
        self._nonces[nonce] = 0
        return f'Digest realm="Login to {md5("x")}", qop="auth", nonce="{nonce}", opaque="{md5("o")}"'

    def _is_authorized(self, handler):
        fields = dict(_FIELD.findall(handler.headers.get("Authorization", "")))
        nonce = fields.get("nonce", "")
        with self.lock:
            if nonce not in self._nonces or int(fields["nc"], 16) <= self._nonces[nonce]:
                return False
            self._nonces[nonce] = 1 << 32 if self.one_use_nonces else int(fields["nc"], 16)
        one = md5(f"admin:Login to {md5('x')}:admin123")
        two = md5(f"{handler.command}:{handler.path}")
        return fields["response"] == md5(f"{one}:{nonce}:{fields['nc']}:{fields['cnonce']}:auth:{two}")

    def _answer(self, handler, body):
        parts = urlsplit(handler.path)
        query = {}
        for pair in parts.query.split("&"):
            name, _, value = pair.partition("=")
            query[unquote(name)] = unquote(value)
        cgi = parts.path.removeprefix("/cgi-bin/").removesuffix(".cgi")
        if "attach" in query.get("action", ""):
            return self.stream(handler)
        with self.lock:
            answer = getattr(self, cgi, lambda *_: PLAIN_REFUSAL)(query, json.loads(body) if body else None)
        return answer if isinstance(answer, tuple) else (200, answer)

    def stream(self, handler):
        """A stream of heartbeats until the client hangs up."""
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=myboundary")
        handler.end_headers()
        try:
            while not self.ended.wait(0.2):
                handler.wfile.write(
                    b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:9\r\n\r\nHeartbeat\r\n\r\n"
                )
        except OSError:
            pass
        handler.close_connection = True
        return 200, None

    def magicBox(self, query, body):
        return {
            "getSystemInfo": f"deviceType={self.model}\r\nserialNumber=7J0A8D6PAJ00000\r\n",
            "getSoftwareVersion": "version=1.000.0000014.0.R,build:2021-08-23\r\n",
            "getDeviceType": f"type={self.model}\r\n",
        }.get(query["action"], PLAIN_REFUSAL)

    def global_(self, query, body):
        return f"result={time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}\r\n"

    def configManager(self, query, body):
        if query["action"] == "getConfig":
            name = query["name"]
            rows = [f"table.{key}={value}" for key, value in self.config.items() if re.match(rf"{name}\b", key)]
            return "\r\n".join(rows) if rows else PLAIN_REFUSAL
        self.config |= {key: value for key, value in query.items() if key != "action"}
        return "OK\r\n"

    def accessControl(self, query, body):
        return "OK\r\n" if query["action"] == "openDoor" else "Info.status=Close\r\n"


setattr(FieldTerminal, "global", FieldTerminal.global_)

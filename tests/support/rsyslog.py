"""Debian's rsyslogd on a port of this computer, by a configuration of its own: it writes what it parses as JSON."""

import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.support.peers import peer
from tests.support.webhook_receiver import wait_until

_TLS = """
global(defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{cert}"
       defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
"""
_CONFIG = """
global(workDirectory="{folder}")
module(load="imtcp" {module})
module(load="imudp")
module(load="mmpstrucdata")
template(name="parsed" type="list" option.jsonf="on") {{
    property(outname="pri" name="pri" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="process" name="procid" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="text" name="msg" format="jsonf")
    property(outname="data" name="$!all-json" format="jsonf")
}}
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imudp" address="127.0.0.1" port="{port}")
action(type="mmpstrucdata" sd_name.lowercase="off")
action(type="omfile" file="{folder}/messages" template="parsed")
"""


class Rsyslog:
    """One rsyslogd, which may be killed and started again on its port; TLS with a certificate."""

    def __init__(self, folder: Path, certificate: tuple[Path, Path] | None = None) -> None:
        self._program = peer("rsyslogd", "rsyslog")
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        config, module = "", ""
        if certificate:
            config = _TLS.format(cert=certificate[0], key=certificate[1])
            module = 'streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"'
        config += _CONFIG.format(folder=folder, port=self.port, module=module)
        (folder / "rsyslog.conf").write_text(config)
        self.url = f"syslog+{'tls' if certificate else 'tcp'}://localhost:{self.port}"
        self.start()

    def start(self) -> None:
        """Run until it takes connections."""
        command = [self._program, "-n", "-f", self._folder / "rsyslog.conf", "-i", self._folder / "rsyslogd.pid"]
        with (self._folder / "errors").open("ab") as errors:
            self._process = subprocess.Popen(command, stdout=errors, stderr=errors)
        wait_until(self._listens, f"rsyslogd: {(self._folder / 'errors').read_text()}")

    def kill(self) -> None:
        """End it at once, with all that it had taken and not written."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        (self._folder / "rsyslogd.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self.kill()

    def messages(self) -> list[dict[str, Any]]:
        """Return what it has written: the parts of each message, and its structured data parsed under `data`."""
        file = self._folder / "messages"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [one | {"data": json.loads(one["data"]).get("rfc5424-sd", {})} for one in found]

    def seqs(self) -> list[int]:
        """Return the seqs of the events that it has written."""
        return [int(params["seq"]) for one in self.messages() for params in one["data"].values()]

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError((self._folder / "errors").read_text())
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

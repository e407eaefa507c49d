"""What docs/integrations/syslog.md prints works as it is printed."""

import re
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

from devicemgr.site.outlets.fields import checked_fields
from tests.support.certificates import self_signed
from tests.support.peers import peer
from tests.support.webhook_receiver import wait_until

PAGE = Path(__file__).parents[4] / "docs/integrations/syslog.md"


def block(beginning: str) -> str:
    """Return the indented block of the page that begins so."""
    lines = PAGE.read_text().split("\n")
    start = lines.index(f"    {beginning}")
    found = []
    for line in lines[start:]:
        if line and not line.startswith("    "):
            break
        found.append(line[4:])
    return "\n".join(found)


def test_the_receiver_prints_each_event_once(tmp_path, add_syslog, record, running):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = block("import re")
    assert "6010" in text
    program = tmp_path / "receiver.py"
    program.write_text(text.replace("6010", str(port)))
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(map(str.strip, process.stdout)))
        reader.start()
        add_syslog(f"syslog+tcp://localhost:{port}")
        running.consider()
        wanted = record(3, "access_denied", reason="expired")
        wait_until(lambda: running.figures()["hr"]["cursor"] >= wanted[-1], "that three events have arrived")
        process.terminate()
        reader.join()
    assert lines == [f"{seq} access_denied access_denied at lobby: expired" for seq in wanted]


def test_the_site_file_is_taken():
    stated = tomllib.loads(block("[outlets.siem]"))["outlets"]["siem"]
    fields = checked_fields(stated)
    assert (fields.format, fields.enterprise) == ("cef", 32473)


def test_rsyslog_takes_the_configuration(tmp_path):
    certificate, key = self_signed(tmp_path, ["localhost"])
    text = block('module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")')
    text = text.replace("/etc/rsyslog.d/ca.pem", str(certificate)).replace("/etc/rsyslog.d/cert.pem", str(certificate))
    text = text.replace("/etc/rsyslog.d/key.pem", str(key)).replace("/var/log", str(tmp_path))
    config = tmp_path / "rsyslog.conf"
    config.write_text(f'global(workDirectory="{tmp_path}")\n{text}\n')
    program = peer("rsyslogd", "rsyslog")
    checked = subprocess.run([program, "-N1", "-f", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert not re.search("error|warning", checked.stderr, re.IGNORECASE), checked.stderr

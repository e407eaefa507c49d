"""What docs/integrations/mail.md prints works as it is printed."""

import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

from devicemgr.site.outlets.fields import checked_fields
from tests.support.webhook_receiver import wait_until

PAGE = Path(__file__).parents[4] / "docs/integrations/mail.md"


def block(beginning):
    """Return the indented block of the page that begins so."""
    lines = PAGE.read_text().split("\n")
    found = []
    for line in lines[lines.index(f"    {beginning}") :]:
        if line and not line.startswith("    "):
            break
        found.append(line[4:])
    return "\n".join(found)


def test_the_receiver_prints_each_mail(tmp_path, add_mail, record, running):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = block("import email, email.policy, threading")
    assert "8025" in text
    program = tmp_path / "receiver.py"
    program.write_text(text.replace("8025", str(port)))
    with subprocess.Popen([sys.executable, "-u", program], stdout=subprocess.PIPE, text=True) as process:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(map(str.strip, process.stdout)))
        reader.start()
        add_mail(f"smtp://localhost:{port}")
        running.consider()
        (seq,) = record(1, "tamper")
        wait_until(lambda: f"Event number: {seq}" in lines, "the mail")
        process.terminate()
        reader.join()
    assert lines[0] == "Device tampered with: lobby (priority 2) for guard@example.com"


def test_the_site_file_states_an_outlet():
    stated = tomllib.loads(block("[outlets.guards]"))["outlets"]["guards"]
    fields = checked_fields(stated)
    assert (fields.language, fields.reports[0].key) == ("ru", "denials week 07:00 xlsx")

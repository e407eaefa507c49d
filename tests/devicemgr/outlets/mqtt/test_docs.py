"""The reader of the page runs as it is printed."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

from devicemgr.domain.model import Direction
from tests.support.mqtt import PASSWORD, USER
from tests.support.webhook_receiver import wait_until

PAGE = Path(__file__).parents[4] / "docs" / "integrations" / "mqtt.md"


def test_the_reader_of_the_page_shows_events_and_states(daemon, broker, add_outlet, figures, tmp_path):
    (code,) = re.findall(r"\n\n((?:    .*\n|\n)*    reader\.loop_forever\(\)\n)", PAGE.read_text("utf-8"))
    code = textwrap.dedent(code)
    assert len(code.splitlines()) < 32
    for printed, here in (
        ('"reader", "its password"', f'"{USER}", "{PASSWORD}"'),
        ('"broker-ca.pem"', f'"{broker.certificate}"'),
        ('"broker.example", 8883', f'"localhost", {broker.port}'),
    ):
        assert code.count(printed) == 1
        code = code.replace(printed, here)
    output = tmp_path / "output"
    with output.open("wb") as file:
        reader = subprocess.Popen(
            [sys.executable, "-u", "-W", "error", "-c", code], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: broker.log.count("New client connected") or reader.poll(), "the reader")
        add_outlet(broker)
        wait_until(lambda: "available online" in output.read_text(), "the states")
        daemon.open_portal("lobby", Direction.ENTRY, "uid:0")
        wait_until(lambda: "admin.portal_open lobby" in output.read_text(), "an event")
        assert "portal/lobby/state {" in output.read_text()
        assert "Traceback" not in output.read_text()
    finally:
        reader.kill()
        reader.wait(10)

"""A program that is killed while its mail is under way: nothing is lost, and what comes again has the same id."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.devicemgr.outlets.mail.test_alarms import seqs, seqs_of

ROOT = Path(__file__).resolve().parents[4]
RUN = """
import sys, time
from pathlib import Path
from devicemgr.home import Home
from devicemgr.outlets.runner import Outlets
from devicemgr.site import site as sites
from devicemgr.site.site import Parts
from tests.support.core import FakeCatalog, NoFaces, build_gallery

site = sites.open_site(Home(Path(sys.argv[1])), Parts(FakeCatalog(), NoFaces(), build_gallery, "fake", "x:y", "x:y"))
outlets = Outlets(site)
outlets.start()
outlets.consider()
time.sleep(120)
"""


def test_a_kill_with_each_mail_under_way_loses_none(server, add_mail, record, site):
    running = []

    def start():
        running.append(subprocess.Popen([sys.executable, "-c", RUN, site.home.path], cwd=ROOT))

    def answer(number):
        if number <= 2:
            os.kill(running[-1].pid, signal.SIGKILL)
            return ""
        return "250 ok"

    server.data = answer
    add_mail(server.url)
    wanted = record(3, "tamper") + record(2, "portal_held_open")
    try:
        for kills in (1, 2):
            start()
            server.wait(lambda kills=kills: server.tries >= kills, "a mail under way")
            assert running[-1].wait(30) == -signal.SIGKILL
        start()
        server.wait(lambda: set(wanted) <= set(seqs(server)), "all events")
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert len(server.taken) > len({taken.id for taken in server.taken}), "one came again"
    told = {taken.id: seqs_of(taken) for taken in server.taken}
    assert all(told[taken.id] == seqs_of(taken) for taken in server.taken), "the same id is the same mail"

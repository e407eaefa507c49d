"""The simulated entrance of demo and bench: what it started is gone when it ends, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from devicemgr.cli.demo.simulated_entrance import Entrance, Plan, quantile
from devicemgr.errors import SystemFault

HOLDING_ONE = """
import os, signal, sys, tempfile, time
from pathlib import Path
from devicemgr.cli.demo.subprocesses import ending_cleanly
from devicemgr.cli.demo.simulated_entrance import Entrance, Plan

with ending_cleanly(), tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    entrance = Entrance(Path(folder), Plan(Path("none"), "nobody"), print)
    try:
        line = entrance.child("turnstile", "sim", "turnstile", "--link", folder + "/line")
        line.wait_for("ready", 30)
        print(line.process.pid, flush=True)
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        print("cleaning up", flush=True)
        entrance.__exit__()
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_after_an_ending_and_an_impatient_second_one(tmp_path, ending):
    command = [sys.executable, "-c", HOLDING_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        child = int(holder.stdout.readline())
        os.kill(child, 0)
        assert len(list(tmp_path.iterdir())) == 1
        holder.send_signal(ending)
        assert holder.stdout.read() == "cleaning up\n"
        assert holder.wait(30) == -signal.SIGINT
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_that_does_not_start_says_why(tmp_path):
    entrance = Entrance(tmp_path, Plan(tmp_path / "none", "nobody"), print)
    entrance.daemon = entrance.child("daemon", "run", "--nosuch")
    try:
        with pytest.raises(SystemFault, match="No such option: --nosuch"):
            entrance.start_daemon_api()
    finally:
        entrance.__exit__()


def test_quantiles_are_of_the_nearest_rank():
    assert [quantile([4.0, 1.0], share) for share in (0.01, 0.5, 0.51, 0.95)] == [1.0, 1.0, 4.0, 4.0]
    assert quantile([float(number) for number in range(1, 101)], 0.95) == 95.0
    assert quantile([7.0], 0.5) == 7.0

"""Waiting until a device that restarts is back."""

import time
from dataclasses import dataclass
from typing import Any

from devicemgr.cli.context import api
from devicemgr.cli.progress import progress
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.errors import DeviceUnreachable

LOOK_SECONDS = 0.5
# Devices go a few seconds after they said yes; one that answered all this time was quicker, or stayed.
STAYED_SECONDS = 20.0
_EXIT_AWAY = 3


@dataclass(frozen=True, slots=True)
class Return:
    """How long it took, whether the device was seen away in the meantime, and who it says it is."""

    seconds: float
    was_away: bool
    info: dict[str, Any]


def wait_for_return(name: str, most: float, stayed: float | None = None) -> Return:
    """Ask the device who it is until it has been away and answers; DeviceUnreachable after `most` seconds.

    A refusal ends it at once: a password that is tried again and again locks the account.
    """
    began, away = time.monotonic(), False
    stayed = STAYED_SECONDS if stayed is None else stayed
    with progress() as bar:
        task = bar.add_task(f"{name} restarts", total=None)
        while True:
            passed = time.monotonic() - began
            bar.update(task, completed=int(passed))
            try:
                info = api().post(path("devices", name, "identify"))
            except ApiProblem as problem:
                if problem.exit_code != _EXIT_AWAY:
                    raise
                away = True
            else:
                if away or passed > stayed:
                    return Return(time.monotonic() - began, away, info)
            if passed > most:
                raise DeviceUnreachable(f"{name} is not back after {most:.0f} s; look at its power, network and lamps")
            time.sleep(LOOK_SECONDS)

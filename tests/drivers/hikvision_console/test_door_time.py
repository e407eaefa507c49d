"""How long a Hikvision console keeps its door open, by its own setting."""

import pytest

from devicemgr.domain.ports.device import ReleaseTimes


@pytest.mark.parametrize(("setting", "seconds"), [(12, 12.0), ("x", 5.0)])
def test_the_consoles_own_time_is_that_of_a_release(sim, console, setting, seconds):
    sim.terminal.door_seconds = setting
    assert console().release_times(1, 5.0) == ReleaseTimes(seconds)

"""How long a Dahua terminal keeps its door open, by its own setting."""

import pytest

from devicemgr.domain.ports.device import ReleaseTimes


@pytest.mark.parametrize(("setting", "seconds"), [("3000", 3.0), ("15000", 15.0), ("x", 5.0)])
def test_the_terminals_own_time_is_that_of_a_release(sim, opened, setting, seconds):
    sim.cgis.config["AccessControl[0].UnlockHoldInterval"] = setting
    assert opened().release_times(1, 5.0) == ReleaseTimes(seconds)

"""What becomes of the wait for a session when none is free."""

from pathlib import Path

import pytest

from mti.common.errors import NoSession
from mti.common.ports.clock import SystemClock
from tests.support.bus import INDICATORS, connected, running_namespace

WAIT = 12.0
"""Seconds that, had the SDK its three more tries, would come to more than an opening may take."""


async def test_a_wait_that_ran_out_is_no_silence_of_the_bus(tmp_path: Path) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus:
        with pytest.raises(NoSession, match="no session was free"):
            await bus.open_session(INDICATORS, SystemClock(), WAIT)

"""Mimecast's own time, by which alone it is said what was fetched.

A window that ends later than it was at Mimecast when the page was asked for claims more than was fetched: what is
published in between is in no window, and lost in silence.
"""

import httpx

from mti.common.clock_check import CURE, ClockCheck, ClockSkew
from mti.common.server_time import ServerTime
from mti.common.telemetry.attributes import MIMECAST


class MimecastTime:
    """Compares the clock with every answer of Mimecast, and works with none that is too far away.

    Args:
        check: of this process.
    """

    def __init__(self, check: ClockCheck) -> None:
        self._check = check

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._check.monotonic()

    def compare(self, headers: httpx.Headers, took: float) -> ServerTime | None:
        """Return what an answer's headers say of the time.

        Raises:
            ClockSkew: the clock is too far away.
        """
        time = self._check.compare(MIMECAST, headers.get("Date"), took)
        if time is not None and self._check.is_far(MIMECAST):
            raise ClockSkew(
                f"this machine's clock is {self._check.difference(MIMECAST)} Mimecast's, so that nothing is fetched,"
                f" since what is published in between would be lost: {CURE}; it goes on by itself within minutes."
                f" MTI_CLOCK_SKEW_SECONDS, {self._check.limit.total_seconds():.0f}, is the limit"
            )
        return time

"""Whether a process says over HTTP that it is well: where the settings name an address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mti.common.health_settings import HealthSettings
from mti.common.hosting.pulse import Pulse


@asynccontextmanager
async def pulse_of(settings: HealthSettings) -> AsyncIterator[Pulse]:
    """Yield the pulse of this process, and tell of it while the context lasts, where the settings say so.

    Raises:
        ConfigurationError: the address can't be listened on.
    """
    pulse = Pulse(settings.health_stuck_seconds)
    if settings.health_address is None:
        yield pulse
        return
    from mti.common.hosting.health_server import serving  # noqa: PLC0415  an HTTP server, which few processes need

    async with serving(pulse, settings.health_address, settings.health):
        yield pulse

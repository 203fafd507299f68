"""Telemetry for as long as a process works."""

from collections.abc import Iterator
from contextlib import contextmanager

from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry.active import OFF, Telemetry, activated
from mti.common.telemetry.settings import TelemetrySettings


@contextmanager
def running(service: str, settings: TelemetrySettings, clock: Clock | None = None) -> Iterator[Telemetry]:
    """Record and export while the context lasts, if the settings name somewhere to export to.

    At the end what is left is sent, for `telemetry_flush_seconds` at the most. Without a place to export to nothing is
    imported, no thread is started and nothing is kept.

    Args:
        service: who speaks: `fetcher`, `normalizer`, `publisher`.
        settings: where to.
        clock: the time, for ages.
    """
    if not settings.exports:
        yield OFF
        return
    from mti.common.telemetry.exporters import providers_for  # noqa: PLC0415  the SDK takes time and memory

    providers = providers_for(service, settings)
    try:
        with activated(providers.telemetry(clock or SystemClock(), settings.telemetry_tenants)) as telemetry:
            yield telemetry
    finally:
        providers.close(settings.telemetry_flush_seconds)

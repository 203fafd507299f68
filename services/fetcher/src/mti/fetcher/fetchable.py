"""Which source a job is for, and whether it is fetched at all."""

import logging

from mti.common.ports.settlement import Complete, DeadLetter, Outcome
from mti.common.registry import RegistryProvider, Source
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import SourceCheckpoints, saved

log = logging.getLogger(__name__)


class FetchableSources:
    """The sources of the tenants file, but for those whose tenant is paused.

    Args:
        registry: the tenants.
        checkpoints: of the sources.
    """

    def __init__(self, registry: RegistryProvider, checkpoints: SourceCheckpoints) -> None:
        self._registry = registry
        self._checkpoints = checkpoints

    async def find(self, name: str) -> Source | Outcome:
        """Return the source of a job, or what becomes of a job whose source is not to be fetched."""
        registry = self._registry.current
        if name not in registry.sources:
            registry = await self._registry.latest()
        source = registry.sources.get(name)
        if source is not None and not source.paused:
            return source
        if source is not None or registry.removed_from(source=name) is not None:
            return await self._stand_down(name, removed=source is None)
        return DeadLetter(
            "UnknownSource",
            f"the tenants file has no source {name!r} (any more): add its tenant or its feed and replay the"
            " job, or purge it",
        )

    async def _stand_down(self, name: str, *, removed: bool) -> Complete:
        """End a job of a paused or removed tenant. It is only a trigger: the schedule makes another when it is due."""
        log.info("a job ends, since nothing is fetched for its tenant now", extra={"source": name})
        versioned = await self._checkpoints.load(name, SourceCheckpoint())
        if versioned.document is not None or not removed:
            # Else the job that the schedule sends after a resume would be taken for this one, by it or by the bus.
            await saved(self._checkpoints, versioned.with_value(versioned.value.without_job()))
        return Complete()

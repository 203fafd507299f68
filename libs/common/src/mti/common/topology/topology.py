"""The entities of a deployment, in the order of the flow."""

from dataclasses import dataclass
from typing import Final, Self

from mti.common.contracts.indicators import IndicatorBatch
from mti.common.contracts.job import FetchJob
from mti.common.contracts.page import PageChunk
from mti.common.topology.entity import SESSION_LOCK, Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The three entities."""

    jobs: Entity
    """In front of the fetcher."""
    pages: Entity
    """In front of the normalizer."""
    indicators: Entity
    """In front of the publisher: a session for each destination."""

    @classmethod
    def named(
        cls,
        *,
        jobs: str = "fetch-jobs",
        pages: tuple[str, str] = ("raw-pages", "normalizer"),
        indicators: tuple[str, str] = ("indicators", "publisher"),
    ) -> Self:
        """Return the topology under the names that a deployment gives it.

        Args:
            jobs: the queue.
            pages: topic and subscription.
            indicators: likewise.
        """
        return cls(
            jobs=Entity(jobs, contract=FetchJob),
            pages=Entity(*pages, contract=PageChunk),
            indicators=Entity(*indicators, contract=IndicatorBatch, sessions=True, lock=SESSION_LOCK),
        )

    @property
    def entities(self) -> tuple[Entity, Entity, Entity]:
        """All of them, in the order of the flow."""
        return self.jobs, self.pages, self.indicators

    def at(self, path: str) -> Entity:
        """Return the entity at a path.

        Raises:
            KeyError: there is none.
        """
        for entity in self.entities:
            if entity.path == path:
                return entity
        raise KeyError(path)


STANDARD: Final = Topology.named()
"""As it is deployed where nobody renames anything."""

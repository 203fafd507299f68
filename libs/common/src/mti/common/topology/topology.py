"""The entities of a deployment, in the order of the flow."""

from dataclasses import dataclass
from typing import Final, Self

from mti.common.contracts.body import Contract
from mti.common.contracts.indicators import IndicatorBatch
from mti.common.contracts.job import FetchJob
from mti.common.contracts.page import PageChunk
from mti.common.topology.entity import SESSION_LOCK, Entity

SET_ASIDE: Final = Entity("set-aside", contract=Contract)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The three entities, and the queue for what a host can't dead-letter where it is."""

    jobs: Entity
    """In front of the fetcher."""
    pages: Entity
    """In front of the normalizer."""
    indicators: Entity
    """In front of the publisher: a session for each destination."""
    set_aside: Entity = SET_ASIDE
    """In front of a person: messages of any of the three, with what there was to say of them; see
    `mti.common.contracts.set_aside`."""

    @classmethod
    def named(
        cls,
        *,
        jobs: str = "fetch-jobs",
        pages: tuple[str, str] = ("raw-pages", "normalizer"),
        indicators: tuple[str, str] = ("indicators", "publisher"),
        set_aside: str = SET_ASIDE.name,
    ) -> Self:
        """Return the topology under the names that a deployment gives it.

        Args:
            jobs: the queue.
            pages: topic and subscription.
            indicators: likewise.
            set_aside: the queue.
        """
        return cls(
            jobs=Entity(jobs, contract=FetchJob),
            pages=Entity(*pages, contract=PageChunk),
            indicators=Entity(*indicators, contract=IndicatorBatch, sessions=True, lock=SESSION_LOCK),
            set_aside=Entity(set_aside, contract=Contract),
        )

    @property
    def entities(self) -> tuple[Entity, Entity, Entity]:
        """The three, in the order of the flow."""
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

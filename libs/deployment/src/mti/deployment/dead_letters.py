"""The dead letters of a deployment, and what the work on them needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mti.common.errors import ConfigurationError
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.topology import Entity
from mti.operations.dead_letters import Books, DeadLetterQueue, Judge, NoJudge, PublishedJudge, ServiceBooks, counted
from mti.operations.stores import Stores
from mti.publisher.records import PUBLISHED, PublishedVersions


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The queues with all that a replay, a purge or a mending asks or tells."""

    queues: Sequence[DeadLetterQueue]
    """Connected, in the order of the flow."""
    judge: Judge
    books: Books | None
    """`None` where the stores of the services are not known."""
    clock: Clock
    purged: Path | None
    """Where a purge keeps what it removes; `None` where it has to be told."""

    @classmethod
    def of(
        cls,
        queues: Sequence[DeadLetterQueue],
        judged: Store | None,
        books: Stores | None,
        clock: Clock,
        purged: Path | None,
    ) -> Self:
        """Put the parts together.

        Args:
            queues: connected.
            judged: the publisher's store, to be read; `None` where it is not known.
            books: the stores of the services, to be written; `None` where one is not known.
            clock: the time.
            purged: see `purged`.
        """
        return cls(
            queues,
            PublishedJudge(PublishedVersions(judged.container(PUBLISHED), clock)) if judged else NoJudge(),
            ServiceBooks(books.fetcher, books.normalizer, books.publisher, clock) if books else None,
            clock,
            purged,
        )

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Whose dead letters they are."""
        return tuple(queue.entity for queue in self.queues)

    def books_for(self, paths: Collection[str], *, without: bool = False) -> Books | None:
        """Return the books for work on dead letters of those entities; `None` where there is nothing to enter.

        Args:
            paths: of the entities.
            without: somebody said that the books need not be told.

        Raises:
            ConfigurationError: they are to be told and not at hand.
        """
        if without or not any(counted(entity) and entity.path in paths for entity in self.entities):
            return None
        if self.books is None:
            raise ConfigurationError(
                "the services' books are not at hand, and what is purged or mended would count as lost in the "
                "reconciliation: set MTI_STORES, or MTI_FETCHER_STORE, MTI_NORMALIZER_STORE and MTI_PUBLISHER_STORE; "
                "or give --without-books"
            )
        return self.books

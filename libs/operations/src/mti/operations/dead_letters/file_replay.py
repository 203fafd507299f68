"""Replays a file that dead letters were written to, and goes on where a run before this one was killed."""

import random
from pathlib import Path

from mti.common.ports.clock import Clock
from mti.common.topology import Entity
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.archive import read_archive
from mti.operations.dead_letters.journal import Journal
from mti.operations.dead_letters.replay import Replayer
from mti.operations.dead_letters.results import ReplayResult
from mti.operations.dead_letters.selection import Selection


class FileReplay:
    """The replay of one file.

    Args:
        file: what `write_archive` or a purge wrote.
        entities: of the project.
        selection: which lines of it.
        clock: the time.
        rng: names the replay.
        limit: how many at the most.
    """

    def __init__(
        self,
        file: Path,
        entities: tuple[Entity, ...],
        selection: Selection,
        clock: Clock,
        rng: random.Random,
        *,
        limit: int | None = None,
    ) -> None:
        self._file = file
        self._entities = {entity.path: entity for entity in entities}
        self._selection = selection
        self._clock = clock
        self._limit = limit
        self._journal = Journal(file, rng)

    async def count(self) -> tuple[int, int]:
        """Return how many lines are meant, and how many of these were replayed already. Reads the whole file.

        Raises:
            ConfigurationError: it can't be read, or a line of it can't.
        """
        meant = already = 0
        async for number, letter in read_archive(self._file):
            if self._means(letter):
                meant += 1
                already += self._journal.is_done(number)
        return meant if self._limit is None else min(meant, self._limit + already), already

    async def run(self, replayer: Replayer, *, dry_run: bool = False) -> ReplayResult:
        """Replay the lines that are meant.

        Raises:
            ConfigurationError: see `count`.
            BusUnavailable: the broker does not answer; run it again.
            StoreUnavailable: the publisher's store does not answer; run it again.
        """
        result = replayer.new_result()
        batch: dict[int, DeadLetter] = {}
        async for number, letter in read_archive(self._file):
            if not self._means(letter):
                continue
            if self._journal.is_done(number):
                result.already += 1
                continue
            if self._limit is not None and result.matched >= self._limit:
                break
            result.matched += 1
            batch[number] = letter
            if len(batch) >= replayer.batch:
                await self._replay(replayer, batch, result, dry_run=dry_run)
                batch = {}
        await self._replay(replayer, batch, result, dry_run=dry_run)
        return result

    def _means(self, letter: DeadLetter) -> bool:
        entity = self._entities.get(letter.entity)
        if entity is not None and not self._selection.covers(entity):
            return False
        return self._selection.matches(letter, self._clock.now())

    async def _replay(
        self, replayer: Replayer, batch: dict[int, DeadLetter], result: ReplayResult, *, dry_run: bool
    ) -> None:
        if not batch:
            return
        if not dry_run:
            self._journal.begin()
        done = await replayer.replay_lines(list(batch.values()), self._journal.run, result)
        if not dry_run:
            dealt_with = {id(letter) for letter in done}
            self._journal.note(number for number, letter in batch.items() if id(letter) in dealt_with)

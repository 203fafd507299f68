"""The checkpoints: shown as they are, and a source's set back so that it is fetched again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from mti.common.checkpoints import Checkpoints
from mti.common.errors import ConfigurationError, WriteConflict
from mti.common.races import until_won
from mti.common.registry import Registry, Source
from mti.fetcher.records import SourceCheckpoint, saved, source_checkpoints
from mti.normalizer.records import OFFSETS, Offset
from mti.operations.stores import Stores
from mti.publisher.records import DestinationCheckpoint, destination_checkpoints

CONTAINER = "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """What two services remember of a source."""

    fetcher: SourceCheckpoint
    normalizer: Offset

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "fetcher": self.fetcher.model_dump(mode="json", exclude_none=True),
            "normalizer": self.normalizer.model_dump(mode="json", exclude_none=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AllCheckpoints:
    """By source, and by destination."""

    sources: Mapping[str, SourceEntry]
    destinations: Mapping[str, DestinationCheckpoint]

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "sources": {name: each.document() for name, each in self.sources.items()},
            "destinations": {
                name: each.model_dump(mode="json", exclude_none=True) for name, each in self.destinations.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A checkpoint that was set back."""

    source: str
    epoch: int
    fetches_from: datetime
    """Where the next window starts; when the source is fetched by its look-back, as of now."""
    before: SourceCheckpoint

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "source": self.source,
            "epoch": self.epoch,
            "fetches_from": self.fetches_from.isoformat(),
            "before": self.before.model_dump(mode="json", exclude_none=True),
        }


async def show(stores: Stores, *, source: str | None = None, destination: str | None = None) -> AllCheckpoints:
    """Return all checkpoints, or those of one source or destination.

    Raises:
        ConfigurationError: there is none of that name.
    """
    fetching = {key: each async for key, each in source_checkpoints(stores.fetcher.container(CONTAINER)).all()}
    offsets = {
        key: each async for key, each in Checkpoints(stores.normalizer.container(CONTAINER), OFFSETS, Offset).all()
    }
    publishing = {key: each async for key, each in destination_checkpoints(stores.publisher.container(CONTAINER)).all()}
    one_side = source is not None or destination is not None
    sources = {
        name: SourceEntry(fetcher=fetching.get(name, SourceCheckpoint()), normalizer=offsets.get(name, Offset()))
        for name in sorted({*fetching, *offsets})
        if (not one_side or name == source)
    }
    destinations = {name: each for name, each in publishing.items() if not one_side or name == destination}
    if source is not None and source not in sources:
        raise ConfigurationError(f"no checkpoint of a source {source!r}; see `mti checkpoints show`")
    if destination is not None and destination not in destinations:
        raise ConfigurationError(f"no checkpoint of a workspace {destination!r}; see `mti checkpoints show`")
    return AllCheckpoints(sources=sources, destinations=destinations)


def source_of(registry: Registry, name: str) -> Source:
    """Return a source of the tenants file.

    Raises:
        ConfigurationError: it has none of that name; the text lists them.
    """
    if (source := registry.sources.get(name)) is not None:
        return source
    known = ", ".join(sorted(registry.sources)[:20])
    raise ConfigurationError(f"the tenants file has no source {name!r}; it has {known}")


def set_back(checkpoint: SourceCheckpoint, source: Source, to: datetime | None, now: datetime) -> SourceCheckpoint:
    """Return a checkpoint whose next window starts at `to`, or a look-back ago. Pure.

    Raises:
        ConfigurationError: `to` is in the future.
    """
    if to is not None and to > now:
        raise ConfigurationError(
            f"{to.isoformat()} is in the future; a source can only be set back to a time before now"
        )
    # A window begins an overlap before what is covered.
    covered = None if to is None else min(to + source.overlap, now)
    return checkpoint.reset(covered_until=covered)


async def reset(stores: Stores, source: Source, to: datetime | None, now: datetime) -> Reset:
    """Set a source back by compare-and-set: safe while the fetcher runs.

    Raises:
        ConfigurationError: `to` is in the future.
        StoreUnavailable: the fetcher saved again and again in between.
    """
    checkpoints = source_checkpoints(stores.fetcher.container(CONTAINER))

    async def attempt() -> Reset:
        before = await checkpoints.load(source.id, SourceCheckpoint())
        after = set_back(before.value, source, to, now)
        if await saved(checkpoints, before.with_value(after)) is None:
            raise WriteConflict(f"{source.id}: its checkpoint was saved by the fetcher")
        start = to if to is not None else now - source.lookback
        return Reset(source=source.id, epoch=after.epoch, fetches_from=start, before=before.value)

    return await until_won(attempt)

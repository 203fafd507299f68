"""What the publisher's books say a workspace holds, summed up."""

from collections import Counter
from dataclasses import dataclass, field

from mti.publisher.records import SHARDS, PublishedVersions


@dataclass(slots=True)
class Summary:
    """One destination."""

    accepted: int = 0
    """Distinct ids that the workspace accepted in some version."""
    versions: int = 0
    """Versions that it accepted, over all ids: the rows that were paid for."""
    revoked: int = 0
    """Of the accepted ids, those that were withdrawn."""
    refused: Counter[str] = field(default_factory=Counter)
    """Ids whose newest version was refused, by reason."""


async def summary(versions: PublishedVersions, destination: str) -> Summary:
    """Sum a destination's documents up, shard by shard; memory is bounded by a page of the store."""
    found = Summary()
    for shard in SHARDS:
        async for _, published in versions.scan(destination, shard):
            found.accepted += published.version is not None
            found.versions += published.accepted
            found.revoked += published.revoked
            if published.refused is not None:
                found.refused[published.refused.reason] += 1
    return found

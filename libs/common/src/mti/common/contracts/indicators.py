"""`mimecast.ti.indicators.v1`: at most 100 indicators of one source for one destination, in its session."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal

from msgspec import to_builtins
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_serializer

from mti.common.contracts.body import Contract, compress, digests_with, framed
from mti.common.contracts.envelope import ID, OBJECTS, SUBJECT, count_in
from mti.common.contracts.extension import CREATOR_ID, PHASES, DetectionFacts, KillChainPhase
from mti.common.contracts.written_indicator import WrittenIndicator, written_batch
from mti.common.ports.bus import Outgoing, Received

OBJECTS_LIMIT = 100
"""Sentinel's upload API takes 100 objects a request
(https://learn.microsoft.com/azure/sentinel/stix-objects-api)."""
_PACKED = 120
"""Bytes of a body, compressed, that an object takes there."""


_SECONDS: Final = len("2026-11-24T12:00:00")
_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(1000))


def timestamp(moment: datetime) -> str:
    """Return a STIX timestamp: UTC, milliseconds, `Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # msgspec writes as many decimals as there are, in a fifth of the time of `isoformat`.
    written: str = to_builtins(moment)
    return written[:_SECONDS] + _MILLISECONDS[moment.microsecond // 1000]


class ExternalReference(BaseModel):
    """Where the indicator comes from: Mimecast's own id of the detection."""

    model_config = ConfigDict(frozen=True)

    source_name: str
    external_id: str


class Indicator(BaseModel):
    """One STIX 2.1 indicator with one observable, as Sentinel gets it."""

    model_config = ConfigDict(frozen=True)

    type: Literal["indicator"] = "indicator"
    spec_version: Literal["2.1"] = "2.1"
    id: str
    created_by_ref: str = CREATOR_ID
    created: AwareDatetime
    modified: AwareDatetime
    """The version: the time of the newest detection that it stands for."""
    name: str
    description: str | None = None
    indicator_types: list[str] = Field(default_factory=lambda: ["malicious-activity"])
    pattern: str
    pattern_type: Literal["stix"] = "stix"
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    confidence: int
    labels: list[str] = Field(default_factory=list)
    object_marking_refs: list[str] = Field(default_factory=list)
    external_references: list[ExternalReference] = Field(default_factory=list)
    kill_chain_phases: list[KillChainPhase] = Field(default_factory=lambda: list(PHASES))
    extensions: dict[str, DetectionFacts] | None = None
    """The facts of the description by name, under the id of their definition; none on what earlier releases sent."""
    revoked: bool | None = None

    @field_serializer("created", "modified", "valid_from", "valid_until")
    def _timestamps(self, moment: datetime) -> str:
        return timestamp(moment)


class IndicatorBatch(Contract):
    """What a message holds. Where it goes is not in it: the session names it and the registry decides."""

    TYPE: ClassVar[str] = "mimecast.ti.indicators.v1"

    source: str
    objects: list[Indicator] = Field(min_length=1, max_length=OBJECTS_LIMIT)


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A batch that is made once and sent to several: the body names no destination."""

    source: str
    identity: bytes
    """The contract, the source, and the ids and versions of the objects, framed: what tells it from every other one."""
    body: bytes
    count: int
    """How many objects there are."""


def packed(batch: IndicatorBatch) -> PackedBatch:
    """Return a batch, packed."""
    versions = (f"{found.id}@{timestamp(found.modified)}" for found in batch.objects)
    return PackedBatch(batch.source, _identity(batch.source, versions), batch.packed(), len(batch.objects))


def packed_written(source: str, objects: Sequence[WrittenIndicator]) -> PackedBatch:
    """Return the batch of indicators as they are written, packed: the same as `packed` makes of their models."""
    versions = (f"{found.id}@{found.modified}" for found in objects)
    body = compress(written_batch(source, list(objects)))
    return PackedBatch(source, _identity(source, versions), body, len(objects))


def _identity(source: str, versions: Iterable[str]) -> bytes:
    return framed(IndicatorBatch.TYPE, source, *versions)


def batch_messages(destinations: Sequence[str], batch: PackedBatch, *, run: str | None = None) -> Iterator[Outgoing]:
    """Yield the messages of a batch for several destinations.

    The identity of each is the ids and versions of the objects with its destination, so that a second try after a crash
    repeats it, and differently cut batches differ. The destination stands last: all before it is digested once.

    Args:
        destinations: their ids, which become the session ids.
        batch: what it carries.
        run: the name of what sends them on purpose once more, and must pass duplicate detection: a backfill, a
            withdrawal, a lift.
    """
    suffix = f"~b{run}" if run else ""
    properties = {**IndicatorBatch.properties(id="", source=batch.source, subject=""), OBJECTS: batch.count}
    for destination, id in zip(destinations, digests_with(batch.identity, destinations), strict=True):
        yield Outgoing(
            body=batch.body,
            message_id=id + suffix,
            subject=destination,
            session_id=destination,
            properties={**properties, ID: id, SUBJECT: destination},
        )


def objects_in(message: Received) -> int:
    """Return how many objects a message is likely to hold, without unpacking it: what it says of itself, which nothing
    but a wait may depend on, or a guess by its size for one of an earlier release.
    """
    said = count_in(message.properties, OBJECTS)
    return said if 0 < said <= OBJECTS_LIMIT else max(1, min(OBJECTS_LIMIT, len(message.body) // _PACKED))


def indicators_messages(
    destinations: Sequence[str], batch: IndicatorBatch, *, run: str | None = None
) -> Iterator[Outgoing]:
    """Yield the messages of a batch for several destinations; see `batch_messages`."""
    return batch_messages(destinations, packed(batch), run=run)


def indicators_message(destination: str, batch: IndicatorBatch, *, run: str | None = None) -> Outgoing:
    """Return the message of a batch for one destination; see `batch_messages`."""
    return next(indicators_messages([destination], batch, run=run))

"""An indicator as it is written into a message: the fields of `Indicator`, in the order in which they are written.

What is sent is made in this form, and what comes is read in it, since it costs a tenth of the model. The model says
what an indicator is: `mti.normalizer.indicators.build` makes it of this form, and what comes in another one goes by way
of it. Any JSON that can be read as this is what the model would read and write again, but for texts of times.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mti.common.contracts.extension import CREATOR_ID, HASHES_LIMIT, PHASES

Text = str | UnsetType
Hash = Annotated[str, Meta(max_length=64)]


class WrittenFacts(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """See `DetectionFacts`."""

    extension_type: Literal["property-extension"] = "property-extension"
    feed: Annotated[str, Meta(max_length=64)]
    file_extension: Annotated[str, Meta(max_length=8)] | UnsetType = UNSET
    file_name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    file_size: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    mime_type: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    other_hashes: Annotated[list[Hash], Meta(max_length=HASHES_LIMIT)] | UnsetType = UNSET
    region: Annotated[str, Meta(max_length=64)]
    sending_ip: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    times_seen: Annotated[int, Meta(ge=1)]


class WrittenReference(Struct, gc=False, forbid_unknown_fields=True):
    """See `ExternalReference`."""

    external_id: str
    source_name: str


class WrittenPhase(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """See `KillChainPhase`."""

    kill_chain_name: str
    phase_name: str


TYPES: Final = ("malicious-activity",)
WRITTEN_PHASES: Final = tuple(WrittenPhase(each.kill_chain_name, each.phase_name) for each in PHASES)


class WrittenIndicator(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """See `Indicator`. Times are STIX timestamps."""

    confidence: int
    created: str
    created_by_ref: str = CREATOR_ID
    description: Text = UNSET
    extensions: dict[str, WrittenFacts] | UnsetType = UNSET
    external_references: tuple[WrittenReference, ...] = ()
    id: str
    indicator_types: tuple[str, ...] = TYPES
    kill_chain_phases: tuple[WrittenPhase, ...] = WRITTEN_PHASES
    labels: tuple[str, ...] = ()
    modified: str
    name: str
    object_marking_refs: tuple[str, ...] = ()
    pattern: str
    pattern_type: Literal["stix"] = "stix"
    revoked: bool | UnsetType = UNSET
    spec_version: Literal["2.1"] = "2.1"
    type: Literal["indicator"] = "indicator"
    valid_from: str
    valid_until: str


class WrittenContent(Struct, gc=False, kw_only=True, omit_defaults=True):
    """What of a `WrittenIndicator` is neither its id nor of its version; what every indicator has is left out."""

    confidence: int
    created: str
    created_by_ref: str = CREATOR_ID
    description: Text = UNSET
    extensions: dict[str, WrittenFacts] | UnsetType = UNSET
    external_references: tuple[WrittenReference, ...] = ()
    indicator_types: tuple[str, ...] = TYPES
    kill_chain_phases: tuple[WrittenPhase, ...] = WRITTEN_PHASES
    labels: tuple[str, ...] = ()
    name: str
    object_marking_refs: tuple[str, ...] = ()
    pattern: str
    valid_from: str


_ENCODER: Final = msgspec.json.Encoder()
"""Sorts nothing: the fields of all of these stand in their order."""
_lines: Final = msgspec.json.Encoder(order="deterministic").encode_lines
"""For what somebody else made, with extensions in any order. Each on a line, since one that is encoded alone costs half
as much again; a line's end stands nowhere else in JSON without blanks.
"""


def written_objects(found: Sequence[WrittenIndicator]) -> list[bytes]:
    """Return each indicator as canonical JSON: sorted names, no blanks, without what is unset."""
    return _lines(found).split(b"\n")[:-1]


def written_contents(found: Sequence[WrittenIndicator]) -> list[bytes]:
    """Return the content of each indicator, as canonical JSON."""
    return _lines([_content(each) for each in found]).split(b"\n")[:-1]


def _content(found: WrittenIndicator) -> WrittenContent:
    creator, types, phases = found.created_by_ref, found.indicator_types, found.kill_chain_phases
    return WrittenContent(
        confidence=found.confidence,
        created=found.created,
        # What is the default is left out where it is that very object.
        created_by_ref=CREATOR_ID if creator == CREATOR_ID else creator,
        description=found.description,
        extensions=found.extensions,
        external_references=found.external_references,
        indicator_types=TYPES if types == TYPES else types,
        kill_chain_phases=WRITTEN_PHASES if phases == WRITTEN_PHASES else phases,
        labels=found.labels,
        name=found.name,
        object_marking_refs=found.object_marking_refs,
        pattern=found.pattern,
        valid_from=found.valid_from,
    )


def written_batch(source: str, objects: list[WrittenIndicator]) -> bytes:
    """Return what `IndicatorBatch.canonical` would of the same indicators, which have one extension at most."""
    return b'{"objects":%b,"source":%b}' % (_ENCODER.encode(objects), _ENCODER.encode(source))

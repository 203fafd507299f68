"""An indicator as it is written into a message: the fields of `Indicator`, in the order in which they are written.

What is sent is made in this form, since it costs a tenth of the model. The model is what is read and checked;
`mti.normalizer.indicators.build` makes it of this one, so that both say the same.
"""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mti.common.contracts.extension import CREATOR_ID, PHASES

Text = str | UnsetType


class WrittenFacts(Struct, gc=False):
    """See `DetectionFacts`."""

    feed: str
    region: str
    times_seen: int
    extension_type: Literal["property-extension"] = "property-extension"
    file_extension: Text = UNSET
    file_name: Text = UNSET
    file_size: int | UnsetType = UNSET
    mime_type: Text = UNSET
    other_hashes: tuple[str, ...] | UnsetType = UNSET
    sending_ip: Text = UNSET


class WrittenReference(Struct, gc=False):
    """See `ExternalReference`."""

    external_id: str
    source_name: str


class WrittenPhase(Struct, gc=False, frozen=True):
    """See `KillChainPhase`."""

    kill_chain_name: str
    phase_name: str


_PHASES: Final = tuple(WrittenPhase(each.kill_chain_name, each.phase_name) for each in PHASES)


class WrittenIndicator(Struct, gc=False, kw_only=True):
    """See `Indicator`. Times are STIX timestamps."""

    confidence: int
    created: str
    created_by_ref: str = CREATOR_ID
    description: str
    extensions: dict[str, WrittenFacts]
    external_references: tuple[WrittenReference, ...]
    id: str
    indicator_types: tuple[str, ...] = ("malicious-activity",)
    kill_chain_phases: tuple[WrittenPhase, ...] = _PHASES
    labels: tuple[str, ...]
    modified: str
    name: str
    object_marking_refs: tuple[str, ...]
    pattern: str
    pattern_type: Literal["stix"] = "stix"
    spec_version: Literal["2.1"] = "2.1"
    type: Literal["indicator"] = "indicator"
    valid_from: str
    valid_until: str


_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def written_batch(source: str, objects: list[WrittenIndicator]) -> bytes:
    """Return what `IndicatorBatch.canonical` would of the same indicators."""
    return b'{"objects":%b,"source":%b}' % (_ENCODER.encode(objects), _ENCODER.encode(source))

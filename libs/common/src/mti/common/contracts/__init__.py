"""What is said on the bus: versioned models, their envelope and how pages are cut into messages."""

from mti.common.contracts.body import Contract, decode, digest
from mti.common.contracts.carried import Carried, CarriedBatch, decode_carried
from mti.common.contracts.chunks import cut, fits
from mti.common.contracts.envelope import Envelope, copy_id, count_of, envelope_of, refusal_of
from mti.common.contracts.extension import CREATOR_ID, EXTENSION_ID, DetectionFacts
from mti.common.contracts.identity import (
    are_indicator_ids,
    generation_id,
    id_in,
    is_indicator_id,
    observable_in,
    own_id,
    pattern_of,
)
from mti.common.contracts.indicators import (
    ExternalReference,
    Indicator,
    IndicatorBatch,
    indicators_message,
    indicators_messages,
    timestamp,
)
from mti.common.contracts.job import FetchJob, job_message
from mti.common.contracts.page import Oversize, PageChunk, page_message

__all__ = [
    "CREATOR_ID",
    "EXTENSION_ID",
    "Carried",
    "CarriedBatch",
    "Contract",
    "DetectionFacts",
    "Envelope",
    "ExternalReference",
    "FetchJob",
    "Indicator",
    "IndicatorBatch",
    "Oversize",
    "PageChunk",
    "are_indicator_ids",
    "copy_id",
    "count_of",
    "cut",
    "decode",
    "decode_carried",
    "digest",
    "envelope_of",
    "fits",
    "generation_id",
    "id_in",
    "indicators_message",
    "indicators_messages",
    "is_indicator_id",
    "job_message",
    "observable_in",
    "own_id",
    "page_message",
    "pattern_of",
    "refusal_of",
    "timestamp",
]

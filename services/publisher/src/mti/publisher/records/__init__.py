"""The records of the publisher, which operators use too: what workspaces hold, and where each destination stands.

All that operators may know of the publisher is named here. None of it connects to anything: a store is handed in, and
neither an SDK nor an HTTP client is imported.
"""

from mti.publisher.records.changes import (
    OBJECT_REFUSED,
    PURGED,
    Accept,
    Change,
    Lift,
    PassOver,
    Refuse,
    Withdraw,
    after,
)
from mti.publisher.records.checkpoint import (
    CHECKPOINTS,
    ClockNote,
    Counts,
    DestinationCheckpoint,
    DestinationCheckpoints,
    Offset,
    destination_checkpoints,
)
from mti.publisher.records.item import Item
from mti.publisher.records.published import (
    NO_CONTENT,
    NOTHING,
    STEP,
    Backing,
    Held,
    Published,
    Refusal,
    content_of,
    held_object,
)
from mti.publisher.records.verdicts import Verdict, is_left_out, is_void, version_verdict
from mti.publisher.records.versions import (
    PUBLISHED,
    SHARDS,
    PublishedVersions,
    destination_of,
    document_of,
    key_of,
    partition_of,
    shard_of,
)
from mti.publisher.records.waits import TENANT_PAUSED, Waiting, WaitReason, waitings_in

__all__ = [
    "CHECKPOINTS",
    "NOTHING",
    "NO_CONTENT",
    "OBJECT_REFUSED",
    "PUBLISHED",
    "PURGED",
    "SHARDS",
    "STEP",
    "TENANT_PAUSED",
    "Accept",
    "Backing",
    "Change",
    "ClockNote",
    "Counts",
    "DestinationCheckpoint",
    "DestinationCheckpoints",
    "Held",
    "Item",
    "Lift",
    "Offset",
    "PassOver",
    "Published",
    "PublishedVersions",
    "Refusal",
    "Refuse",
    "Verdict",
    "WaitReason",
    "Waiting",
    "Withdraw",
    "after",
    "content_of",
    "destination_checkpoints",
    "destination_of",
    "document_of",
    "held_object",
    "is_left_out",
    "is_void",
    "key_of",
    "partition_of",
    "shard_of",
    "version_verdict",
    "waitings_in",
]

"""What Mimecast told of a detection, as a property extension of its indicator: facts that can be queried.

An indicator's description is prose for people. The same facts stand here under names, so that no query has to read
English. In the form of STIX 2.1, section 7.3: the id of an extension definition, and `extension_type` beside the facts
(https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_32j232tfvtly). Sentinel keeps it in the column `Data`
as it was sent (https://learn.microsoft.com/azure/sentinel/work-with-stix-objects-indicators).
"""

from typing import Annotated, Final, Literal
from uuid import uuid5

from pydantic import BaseModel, ConfigDict, Field

from mti.common.contracts.identity import NAMESPACE

EXTENSION_ID: Final = f"extension-definition--{uuid5(NAMESPACE, 'extension-definition=mimecast-detection')}"
"""The same for ever: queries name it. Facts are only added; what changes a meaning needs another definition."""

CREATOR_ID: Final = f"identity--{uuid5(NAMESPACE, 'identity=mimecast-threat-intelligence')}"
"""Who made the indicators. STIX lets a reference stand without its object (section 3.3), and an identity that is
uploaded would be one more row to pay for, in each workspace, again and again."""

HASHES_LIMIT = 4


class DetectionFacts(BaseModel):
    """The facts of one indicator; what Mimecast did not tell is left out. A subject counts as a file's name."""

    model_config = ConfigDict(frozen=True)

    extension_type: Literal["property-extension"] = "property-extension"
    feed: str = Field(max_length=64)
    region: str = Field(max_length=64)
    times_seen: int = Field(ge=1)
    """A lower bound: detections that changed nothing are not uploaded."""
    file_name: str | None = Field(default=None, max_length=200)
    """Absent where the policy redacts names."""
    file_extension: str | None = Field(default=None, max_length=8)
    """Without the dot, in lower case, and only when it is a common one: the end of a subject may be a person's name."""
    file_size: int | None = Field(default=None, ge=0)
    """Bytes."""
    mime_type: str | None = Field(default=None, max_length=128)
    sending_ip: str | None = Field(default=None, max_length=64)
    """The address that sent the mail, as Mimecast saw it."""
    other_hashes: list[Annotated[str, Field(max_length=64)]] | None = Field(default=None, max_length=HASHES_LIMIT)
    """Of the same file, in lower case, the longest first; their lengths tell the algorithms."""


class KillChainPhase(BaseModel):
    """Where in an attack the observable is met."""

    model_config = ConfigDict(frozen=True)

    kill_chain_name: str
    phase_name: str


PHASES: Final = (KillChainPhase(kill_chain_name="mitre-attack", phase_name="initial-access"),)
"""What Mimecast detects came by mail: https://attack.mitre.org/techniques/T1566/"""

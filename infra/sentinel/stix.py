"""The definition of the indicators' extension, for whoever reads indicators elsewhere than in these queries.

It is published here and not uploaded: an object in a workspace is a row that is billed, and Sentinel supports no
extension definitions (https://learn.microsoft.com/azure/sentinel/stix-objects-api).
"""

from typing import Any, Final
from uuid import uuid5

from mti.common.contracts import CREATOR_ID, EXTENSION_ID, DetectionFacts
from mti.common.contracts.identity import NAMESPACE

SCHEMA_NAME: Final = "mimecast-detection.schema.json"
_SINCE: Final = "2026-11-28T00:00:00.000Z"


def bundle() -> dict[str, Any]:
    """Return the definition and the identity that both it and the indicators name, as a STIX 2.1 bundle."""
    common = {"spec_version": "2.1", "created": _SINCE, "modified": _SINCE}
    return {
        "type": "bundle",
        "id": f"bundle--{uuid5(NAMESPACE, 'bundle=mimecast-detection')}",
        "objects": [
            {
                "type": "identity",
                "id": CREATOR_ID,
                **common,
                "name": "Mimecast threat intelligence for Microsoft Sentinel",
                "identity_class": "system",
            },
            {
                "type": "extension-definition",
                "id": EXTENSION_ID,
                "created_by_ref": CREATOR_ID,
                **common,
                "name": "Facts of a detection by Mimecast",
                "description": (
                    "What Mimecast told of the detections that an indicator stands for: feed, region, the file's name, "
                    "extension, size, MIME type and other hashes, the address that sent it, and how often it was seen "
                    "at least. What is not known is left out."
                ),
                "schema": SCHEMA_NAME,
                "version": "1.0.0",
                "extension_types": ["property-extension"],
            },
        ],
    }


def schema() -> dict[str, Any]:
    """Return the JSON schema of the extension."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **DetectionFacts.model_json_schema(),
        "additionalProperties": True,
    }

"""The containers and their properties: the one table that the deployment follows too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PARTITION_KEY_PATH = "/partition"


def _index_policy() -> dict[str, Any]:
    """Return the policy that indexes what is queried and nothing else, since every indexed path makes a write dearer.

    `id` is always indexed and named in no policy; a partition key must be named
    (https://learn.microsoft.com/azure/cosmos-db/index-policy).
    """
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": f"{PARTITION_KEY_PATH}/?"}],
        "excludedPaths": [{"path": "/*"}],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProperties:
    """How one container is made."""

    name: str
    purpose: str
    partition_key_path: str = PARTITION_KEY_PATH
    default_ttl: int = -1
    """`-1` turns times to live on and leaves them to each document; one without keeps for ever."""
    index_policy: Mapping[str, Any] = field(default_factory=_index_policy)


CONTAINERS: Mapping[str, ContainerProperties] = {
    properties.name: properties
    for properties in (
        ContainerProperties(name="checkpoints", purpose="where the fetching of each source stands"),
        ContainerProperties(name="known", purpose="the indicators that each source has brought"),
        ContainerProperties(name="published", purpose="what each destination holds, and its pause"),
        ContainerProperties(name="ledger", purpose="the counts that the reconciliation adds up"),
        ContainerProperties(name="tenants", purpose="the tenants, their defaults and states, where no file has them"),
    )
}

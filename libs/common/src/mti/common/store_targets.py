"""Where a store is, as settings and command lines write it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mti.common.registry.endpoints import COSMOS_HOSTS, checked_url

FORMS: Final = "sqlite:/path/file.db or cosmos:https://ACCOUNT.documents.azure.com/DATABASE"
"""How a store is written."""
_DATABASE: Final = re.compile(r"[^/\\?#\s]{1,255}")


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """A store in a file of this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class CosmosTarget:
    """A database of a Cosmos DB account."""

    endpoint: str
    """Without a trailing slash."""
    database: str


def target_of(text: str, allow_loopback: bool) -> SqliteTarget | CosmosTarget:
    """Take a store apart.

    Raises:
        ValueError: it is none; the text says how one is written.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "sqlite" and rest.strip():
        return SqliteTarget(Path(rest.strip()))
    if scheme == "cosmos":
        url, _, database = rest.rstrip("/").rpartition("/")
        if url.endswith("/") or not _DATABASE.fullmatch(database):
            raise ValueError("names no database; write cosmos:https://ACCOUNT.documents.azure.com/DATABASE")
        return CosmosTarget(checked_url(url, hosts=COSMOS_HOSTS, allow_loopback=allow_loopback), database)
    raise ValueError(f"is not a store; write {FORMS}")

"""One Cosmos DB database: the connection to it, its containers, and its failures in the words of `errors`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from mti.common.adapters.cosmos.absence import NOT_FOUND, is_absent, meaning_of, substatus_of
from mti.common.adapters.cosmos.containers import CONTAINERS, ContainerProperties
from mti.common.errors import ConfigurationError, StoreUnavailable
from mti.common.waits import seconds_told

_RETRY_AFTER = "x-ms-retry-after-ms"
_REFUSED = frozenset({401, 403})
_LATER = frozenset({408, 410, 423, 424, 429, 449})
_COLLECTION_CHANGED = (400, 1024)
"""The container was made anew under its name; the SDK looks it up again."""
_SERVER_ERROR = 500
_NO_DATABASE = 1003
"""The substatus of a container's 404 whose database does not exist either."""


class CosmosDatabase:
    """A database whose containers are looked up, or made, when they are first used.

    Args:
        client: closed by `close`.
        name: of the database.
        create: make the database and the containers that are missing. That takes the account's key; an identity with a
            data-plane role can't (https://learn.microsoft.com/azure/cosmos-db/nosql/security/how-to-grant-data-plane-role-based-access).
        concurrency: requests that write at the same time.
    """

    def __init__(self, client: CosmosClient, name: str, *, create: bool, concurrency: int) -> None:
        self.writes = asyncio.Semaphore(concurrency)
        self._client = client
        self._name = name
        self._create = create
        self._connected = False
        self._opened: dict[str, ContainerProxy] = {}
        self._opening = asyncio.Lock()

    async def container(self, name: str) -> ContainerProxy:
        """Return the container, which exists.

        Raises:
            ConfigurationError: it does not exist and is not to be made.
            StoreUnavailable: the account could not be asked.
        """
        if name in self._opened:
            return self._opened[name]
        async with self._opening:
            if name not in self._opened:
                with self.translated():
                    self._opened[name] = await self._open(CONTAINERS[name])
            return self._opened[name]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise `StoreUnavailable` for what may be better later; let the rest through, which is ours to mend."""
        try:
            yield
        except CosmosHttpResponseError as error:
            found = self._error_of(error)
            if found is not None:
                raise found from error
            raise
        except ClientAuthenticationError as error:
            raise self._unavailable("can't be asked: the identity gets no token") from error
        except (AzureError, OSError) as error:
            raise self._unavailable(f"could not be reached ({type(error).__name__})") from error

    def doubtful(self, substatus: int) -> StoreUnavailable:
        """Return the error for a document of which nobody can say whether it exists."""
        return self._unavailable(
            f"answered 404 with substatus {substatus}, which does not say that a document is absent"
        )

    def _error_of(self, error: CosmosHttpResponseError) -> StoreUnavailable | None:
        """Return what an answer means for whoever asked; `None` is ours to mend."""
        status, substatus = error.status_code or 0, substatus_of(error)
        meaning = meaning_of(error)
        if meaning is not None:
            return self._unavailable(f"{meaning} ({status}, substatus {substatus})", _retry_after(error))
        if status in _REFUSED:
            return self._unavailable(
                f"refused us ({status}): check the firewall, the key, or that the identity has the role "
                "Cosmos DB Built-in Data Contributor"
            )
        if status in _LATER or status >= _SERVER_ERROR or (status, substatus) == _COLLECTION_CHANGED:
            return self._unavailable(f"answered {status}", _retry_after(error))
        if status == NOT_FOUND:
            # Whoever may be told of an absence has caught it before.
            return self.doubtful(substatus)
        return None

    async def _open(self, properties: ContainerProperties) -> ContainerProxy:
        if not self._connected:
            await self._client.__aenter__()
            self._connected = True
        if self._create:
            return await self._made(properties)
        container = self._client.get_database_client(self._name).get_container_client(properties.name)
        try:
            await container.read()
        except CosmosResourceNotFoundError as error:
            if not is_absent(error) and substatus_of(error) != _NO_DATABASE:
                raise
            raise ConfigurationError(
                f"Cosmos DB database {self._name!r} has no container {properties.name!r}: deploy it"
            ) from error
        return container

    async def _made(self, properties: ContainerProperties) -> ContainerProxy:
        database = await self._client.create_database_if_not_exists(self._name)
        return await database.create_container_if_not_exists(
            properties.name,
            PartitionKey(properties.partition_key_path),
            default_ttl=properties.default_ttl,
            indexing_policy=dict(properties.index_policy),
        )

    def _unavailable(self, what: str, delay: timedelta | None = None) -> StoreUnavailable:
        return StoreUnavailable(f"Cosmos DB database {self._name!r} {what}", delay)


def _retry_after(error: CosmosHttpResponseError) -> timedelta | None:
    milliseconds = error.headers.get(_RETRY_AFTER)
    try:
        return None if milliseconds is None else seconds_told(float(milliseconds) / 1000)
    except ValueError:
        return None

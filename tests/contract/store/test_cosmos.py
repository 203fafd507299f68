"""The store's contract on Cosmos DB, by azure-cosmos, and how the account's refusals are told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from azure.cosmos.aio import CosmosClient
from pydantic import JsonValue

from mti.common.adapters.cosmos import CONTAINERS, CosmosStore
from mti.common.errors import ConfigurationError, StoreUnavailable
from mti.common.ports.store import Container, Store
from tests.contract.store.contract import StoreContract, document

KEY = "bm90IGEgc2VjcmV0IGJ1dCBrZXB0IGFzIG9uZQ=="
RETRY_AFTER = timedelta(milliseconds=150)

Operation = Callable[[Container], Awaitable[object]]


def client(endpoint: str) -> CosmosClient:
    """A client for an account of one region on this machine, that gives up soon."""
    return CosmosClient(
        endpoint,
        KEY,
        connection_verify=False,
        enable_endpoint_discovery=False,
        retry_total=1,
        retry_throttle_total=1,
        retry_backoff_factor=0.01,
    )


@pytest.fixture
def database() -> str:
    return f"store-{uuid4().hex}"


@pytest.fixture
async def store(cosmos_endpoint: str, database: str) -> AsyncIterator[Store]:
    store = CosmosStore(client(cosmos_endpoint), database, create=True)
    yield store
    await store.close()


class TestCosmos(StoreContract):
    documents_beyond_a_page = 230


async def test_containers_are_made_as_the_table_says(store: Store, cosmos_endpoint: str, database: str) -> None:
    for name in CONTAINERS:
        await store.container(name).read("contoso", "a")
    async with client(cosmos_endpoint) as account:
        async for made in account.get_database_client(database).list_containers():
            properties = CONTAINERS[made["id"]]
            assert made["partitionKey"]["paths"] == [properties.partition_key_path]
            assert made["defaultTtl"] == properties.default_ttl == -1
            assert made["indexingPolicy"] == properties.index_policy


async def test_a_container_that_is_not_in_the_table_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="one of the containers checkpoints, known"):
        store.container("knwon")


async def test_what_is_not_deployed_is_the_operators_to_mend(cosmos_endpoint: str, database: str) -> None:
    store = CosmosStore(client(cosmos_endpoint), database)
    for operation in OPERATIONS:
        with pytest.raises(ConfigurationError, match=f"{database}' has no container 'known': deploy it"):
            await operation(store.container("known"))
    await store.close()


async def test_what_is_deployed_is_used_as_it_is(store: Store, cosmos_endpoint: str, database: str) -> None:
    written = await store.container("known").write(document("a"))
    deployed = CosmosStore(client(cosmos_endpoint), database)
    assert await deployed.container("known").read("contoso", "a") == written
    await deployed.close()


async def read(container: Container) -> object:
    return await container.read("contoso", "a")


async def read_many(container: Container) -> object:
    return await container.read_many("contoso", ["a", "b"])


async def read_one(container: Container) -> object:
    """Ask for many of which there is one, which the SDK does by another request."""
    return await container.read_many("contoso", ["a"])


async def read_each(container: Container) -> object:
    return await container.read_each([("contoso", "a"), ("fabrikam", "a"), ("fabrikam", "b")])


async def write(container: Container) -> object:
    return await container.write(document("a"))


async def write_many(container: Container) -> object:
    return await container.write_many([document(f"{number}") for number in range(100)])


async def delete(container: Container) -> object:
    await container.delete("contoso", "a")
    return None


async def scan(container: Container) -> object:
    return [found async for found in container.scan("contoso")]


async def partitions(container: Container) -> object:
    return [name async for name in container.partitions()]


OPERATIONS = [read, read_many, read_one, read_each, write, write_many, delete, scan, partitions]


class RefusingAccount:
    """An account that has its database and container and refuses whatever is asked about documents."""

    def __init__(self) -> None:
        self.status = 429
        self.substatus: int | None = None
        self.refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        if "/docs" in request.path:
            self.refused += 1
            headers = {"x-ms-retry-after-ms": f"{RETRY_AFTER.total_seconds() * 1000:.0f}"}
            if self.substatus is not None:
                headers["x-ms-substatus"] = str(self.substatus)
            return web.json_response({"code": "Refused", "message": "no"}, status=self.status, headers=headers)
        if "If-None-Match" in request.headers:  # the client asks for the ranges until there is nothing new
            return web.Response(status=304, headers={"ETag": '"1"'})
        return web.json_response(self._resource(request.path.rstrip("/")), headers={"ETag": '"1"'})

    def _resource(self, path: str) -> dict[str, JsonValue]:
        if not path:
            return {"id": "account", "writableLocations": [], "readableLocations": []}
        if path.endswith("/pkranges"):
            return {"PartitionKeyRanges": [{"id": "0", "minInclusive": "", "maxExclusive": "FF", "_rid": "r"}]}
        return {"id": "known", "_rid": "r", "_self": "s", "partitionKey": {"paths": ["/partition"], "kind": "Hash"}}


@pytest.fixture
def account() -> RefusingAccount:
    return RefusingAccount()


@pytest.fixture
async def refused(account: RefusingAccount) -> AsyncIterator[Container]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", account.answer)
    async with TestServer(application) as server:
        store = CosmosStore(client(str(server.make_url("/"))), "refused", concurrency=4)
        yield store.container("known")
        await store.close()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_too_many_requests_is_unavailable_for_as_long_as_the_server_says(
    refused: Container, account: RefusingAccount, operation: Operation
) -> None:
    with pytest.raises(StoreUnavailable, match="answered 429") as caught:
        await operation(refused)
    assert caught.value.delay == RETRY_AFTER
    assert 2 <= account.refused <= 8  # the SDK has tried once more by itself; what waited for its turn was not sent


@pytest.mark.parametrize("status", [408, 449, 500, 503])
async def test_a_failing_server_is_unavailable(refused: Container, account: RefusingAccount, status: int) -> None:
    account.status = status
    with pytest.raises(StoreUnavailable, match=f"answered {status}"):
        await refused.write(document("a"))


@pytest.mark.parametrize("substatus", [1002, 1003, 1013, 4711])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_404_that_does_not_mean_absent_is_unavailable_and_never_absent(
    refused: Container, account: RefusingAccount, operation: Operation, substatus: int
) -> None:
    account.status, account.substatus = 404, substatus
    with pytest.raises(StoreUnavailable, match=rf"substatus {substatus}"):
        await operation(refused)


@pytest.mark.parametrize("substatus", [None, 0])
async def test_a_404_without_a_substatus_means_absent(
    refused: Container, account: RefusingAccount, substatus: int | None
) -> None:
    account.status, account.substatus = 404, substatus
    assert await read(refused) is None
    assert await read_one(refused) == {}
    assert await delete(refused) is None


@pytest.mark.parametrize(("status", "substatus"), [(403, 3), (409, 1006), (400, 1024), (410, 1002), (423, None)])
async def test_an_account_that_is_changing_is_unavailable_and_no_conflict(
    refused: Container, account: RefusingAccount, status: int, substatus: int | None
) -> None:
    account.status, account.substatus = status, substatus
    with pytest.raises(StoreUnavailable, match=str(status)):
        await refused.write(document("a"))


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_say_what_to_grant(refused: Container, account: RefusingAccount, status: int) -> None:
    account.status = status
    with pytest.raises(StoreUnavailable, match="Cosmos DB Built-in Data Contributor") as caught:
        await refused.write(document("a"))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_account_that_cannot_be_reached_is_unavailable(operation: Operation) -> None:
    store = CosmosStore(client(f"http://127.0.0.1:{unused_port()}/"), "nowhere")
    with pytest.raises(StoreUnavailable, match=r"database 'nowhere' could not be reached \(\w+\)") as caught:
        await operation(store.container("known"))
    assert KEY not in f"{caught.value!r} {store!r} {vars(store)!r}"
    await store.close()


async def test_a_store_is_opened_without_asking_the_account() -> None:
    store = CosmosStore.open(f"http://127.0.0.1:{unused_port()}/", KEY, "nowhere")
    assert KEY not in f"{store!r} {vars(store)!r}"
    await store.close()

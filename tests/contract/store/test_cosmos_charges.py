"""What Cosmos DB charges is measured, by container and operation, from the answers that the SDK gets."""

from uuid import uuid4

from azure.cosmos.aio import CosmosClient

from mti.common.adapters.cosmos import CosmosStore
from mti.common.adapters.cosmos.charges import charged
from mti.common.ports.store import Document
from tests.support.recorded import recorded, series

KEY = "bm90IGEgc2VjcmV0IGJ1dCBrZXB0IGFzIG9uZQ=="


async def test_each_operation_is_charged_to_its_container(cosmos_endpoint: str) -> None:
    client = CosmosClient(
        cosmos_endpoint, KEY, connection_verify=False, enable_endpoint_discovery=False, raw_response_hook=charged
    )
    store = CosmosStore(client, f"charges-{uuid4().hex}", create=True)
    with recorded() as there:
        container = store.container("known")
        written = await container.write(Document(partition="p", id="a", body={"n": 1}))
        await container.write(Document(partition="p", id="a", body={"n": 2}, etag=written.etag))
        await container.read("p", "a")
        assert [document.id async for document in container.scan("p")] == ["a"]
        found = there.points("azure.cosmosdb.client.operation.request_charge")
    await store.close()
    assert found == {
        series(db_collection_name="known", db_operation_name=operation): 1
        for operation in ("create_item", "replace_item", "read_item", "query_items")
    }


async def test_documents_of_a_partition_are_created_by_one_request_and_those_of_many_are_read_by_one_query(
    cosmos_endpoint: str,
) -> None:
    client = CosmosClient(
        cosmos_endpoint, KEY, connection_verify=False, enable_endpoint_discovery=False, raw_response_hook=charged
    )
    store = CosmosStore(client, f"charges-{uuid4().hex}", create=True)
    with recorded() as there:
        container = store.container("known")
        documents = [Document(partition=f"grid:eu#{n % 32:02}", id=f"{n}", body={}) for n in range(64)]
        await container.write_many(documents)
        assert len(await container.read_each([(found.partition, found.id) for found in documents])) == 64
        found = there.points("azure.cosmosdb.client.operation.request_charge")
    await store.close()
    assert found == {
        series(db_collection_name="known", db_operation_name="create_item"): 32,
        series(db_collection_name="known", db_operation_name="query_items"): 1,
    }

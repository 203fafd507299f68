"""Shared access keys, checked for messages and for the administration."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp.utils import generate_sas_token
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError
from azure.servicebus.management import AuthorizationRule

from servicebus_local import ConfigError, Namespace, NamespaceConfig
from servicebus_local.access import SharedAccessKeys
from servicebus_local.transports import AsyncPlainTransport
from servicebus_local.wire import frames
from tests.conformance.peer import connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {
    "SharedAccessKeys": [
        {"KeyName": "root", "PrimaryKey": "root-secret", "SecondaryKey": "second", "Rights": ["Manage"]},
        {"KeyName": "sender", "PrimaryKey": "sender-secret", "Rights": ["Send"]},
        {"KeyName": "one", "PrimaryKey": "one-secret", "Rights": ["Send", "Listen"], "EntityPath": "one"},
    ]
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def namespace(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Namespace]:
    folder = tmp_path_factory.mktemp("access")
    keys = SharedAccessKeys.model_validate(KEYS)
    async with Namespace(NamespaceConfig.build({"one": {}, "one-more": {}, "two": {}}), folder, keys=keys) as started:
        yield started


def client(namespace: Namespace, name: str, secret: str) -> ServiceBusClient:
    text = (
        f"Endpoint=sb://127.0.0.1:{namespace.port};SharedAccessKeyName={name};SharedAccessKey={secret};"
        "UseDevelopmentEmulator=true"
    )
    return ServiceBusClient.from_connection_string(text, retry_total=0)


async def send(bus: ServiceBusClient, queue: str) -> None:
    async with bus, bus.get_queue_sender(queue) as sender:
        await sender.send_messages(ServiceBusMessage("x"))


@pytest.mark.parametrize("secret", ["root-secret", "second"])
async def test_a_key_or_its_second_one_is_accepted(namespace: Namespace, secret: str) -> None:
    await send(client(namespace, "root", secret), "one")


@pytest.mark.parametrize(("name", "secret"), [("root", "wrong"), ("nobody", "root-secret")])
async def test_a_wrong_key_is_an_authentication_error(namespace: Namespace, name: str, secret: str) -> None:
    with pytest.raises(ServiceBusAuthenticationError):
        await send(client(namespace, name, secret), "one")


async def test_with_keys_what_is_not_there_is_said_when_the_token_is_put(namespace: Namespace) -> None:
    with pytest.raises(ServiceBusAuthenticationError) as refused:
        await send(client(namespace, "root", "root-secret"), "nowhere")
    assert "404" in str(refused.value.inner_exception)


async def test_a_key_that_may_only_send_cannot_listen(namespace: Namespace) -> None:
    await send(client(namespace, "sender", "sender-secret"), "two")
    async with client(namespace, "sender", "sender-secret") as bus:
        with pytest.raises(ServiceBusAuthorizationError):
            async with bus.get_queue_receiver("two"):
                pass


async def test_a_key_of_one_entity_does_not_open_another(namespace: Namespace) -> None:
    await send(client(namespace, "one", "one-secret"), "one")
    for other in ("two", "one-more"):
        with pytest.raises((ServiceBusAuthenticationError, ServiceBusAuthorizationError)):
            await send(client(namespace, "one", "one-secret"), other)


async def test_an_entitys_own_authorization_rule_opens_that_entity(namespace: Namespace) -> None:
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        claim_type="SharedAccessKey",
        claim_value="None",
        key_name="own",
        primary_key="own-secret",
        rights=["Send"],
    )
    text, transport = namespace.connection_string, AsyncPlainTransport()
    async with ServiceBusAdministrationClient.from_connection_string(text, transport=transport) as admin:
        await admin.create_queue("ruled", authorization_rules=[rule])
        await send(client(namespace, "own", "own-secret"), "ruled")
        async with client(namespace, "own", "own-secret") as bus:
            with pytest.raises(ServiceBusAuthorizationError):
                async with bus.get_queue_receiver("ruled"):
                    pass
        with pytest.raises(ServiceBusAuthenticationError):
            await send(client(namespace, "own", "own-secret"), "two")
        await admin.delete_queue("ruled")
    with pytest.raises(ServiceBusAuthenticationError):
        await send(client(namespace, "own", "own-secret"), "ruled")


async def test_an_expired_token_is_an_authentication_error(namespace: Namespace) -> None:
    host = f"127.0.0.1:{namespace.port}"
    token = generate_sas_token(f"sb://{host}/one", "root", "root-secret", int(time.time()) - 60)  # type: ignore[no-untyped-call]
    with pytest.raises(ServiceBusAuthenticationError):
        await send(ServiceBusClient(host, AzureSasCredential(token), use_tls=False, retry_total=0), "one")


async def test_named_key_credentials_work(namespace: Namespace) -> None:
    host = f"127.0.0.1:{namespace.port}"
    credential = AzureNamedKeyCredential("root", "root-secret")
    await send(ServiceBusClient(host, credential, use_tls=False, retry_total=0), "one")


async def test_the_administration_needs_the_manage_claim(namespace: Namespace) -> None:
    options = {"transport": AsyncPlainTransport()}
    async with ServiceBusAdministrationClient.from_connection_string(namespace.connection_string, **options) as root:
        assert [queue.name async for queue in root.list_queues()] == ["one", "one-more", "two"]
    for name, secret in (("root", "wrong"), ("sender", "sender-secret")):
        text = namespace.connection_string.replace("root-secret", secret).replace("Name=root", f"Name={name}")
        async with ServiceBusAdministrationClient.from_connection_string(
            text, transport=AsyncPlainTransport()
        ) as other:
            with pytest.raises(ClientAuthenticationError):
                await other.get_queue("one")


async def test_a_bad_file_of_keys_is_named_without_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"SharedAccessKeys": [{"KeyName": "k", "PrimaryKey": "hush", "Rights": ["Fly"]}]}))
    with pytest.raises(ConfigError, match=r"SharedAccessKeys\[0\].Rights\[0\]") as failure:
        SharedAccessKeys.load(path)
    assert "hush" not in str(failure.value)
    with pytest.raises(ConfigError, match="No such file"):
        SharedAccessKeys.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "secret", "may_send", "may_listen"),
    [
        ("root", "second", {"one", "two"}, {"one", "two"}),
        ("sender", "sender-secret", {"one", "two"}, set()),
        ("one", "one-secret", {"one"}, {"one"}),
    ],
)
async def test_sasl_plain_gives_the_rights_of_the_rule(
    namespace: Namespace, name: str, secret: str, may_send: set[str], may_listen: set[str]
) -> None:
    async with connected(namespace.port, opened=False) as peer:
        assert await peer.sasl("PLAIN", f"\0{name}\0{secret}".encode()) == frames.SASL_OK
        await peer.open()
        for handle, queue in enumerate(("one", "two")):
            opened = await peer.attach(f"to-{queue}", 2 * handle, target=queue)
            assert (opened is None) == (queue in may_send), (queue, opened)
            opened = await peer.attach(f"from-{queue}", 2 * handle + 1, source=queue)
            assert (opened is None) == (queue in may_listen), (queue, opened)
            assert opened in (None, b"amqp:unauthorized-access")


@pytest.mark.parametrize("response", [b"\0root\0wrong", b"\0nobody\0root-secret", b"root", b"", b"\xff\0root\0second"])
async def test_sasl_plain_with_another_name_or_key_is_refused(
    namespace: Namespace, response: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(namespace.port, opened=False) as peer:
        assert await peer.sasl("PLAIN", response) == frames.SASL_REFUSED
    assert "wrong" not in caplog.text
    assert "root-secret" not in caplog.text

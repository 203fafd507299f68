"""Tokens that expire while links are open: renewed in time, renewed to less, not renewed, and how clients come back."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import azure.servicebus as synchronous
import azure.servicebus.aio as asynchronous
import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken, AzureSasCredential
from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp.aio import SendClientAsync
from azure.servicebus._pyamqp.aio._authentication_async import JWTTokenAuthAsync
from azure.servicebus._pyamqp.error import AMQPException
from azure.servicebus._pyamqp.utils import generate_sas_token
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
    ServiceBusError,
)

from servicebus_local import ManualClock, Namespace, NamespaceConfig
from servicebus_local.access import SharedAccessKeys
from tests.servicebus_local.bus import WAIT
from tests.servicebus_local.wire import passing

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = SharedAccessKeys.model_validate(
    {
        "SharedAccessKeys": [
            {"KeyName": "root", "PrimaryKey": "root-secret", "Rights": ["Manage"]},
            {"KeyName": "listener", "PrimaryKey": "listener-secret", "Rights": ["Listen"]},
        ]
    }
)
MINUTE = 60_000
BOTH = pytest.mark.parametrize("kind", [synchronous, asynchronous], ids=["sync", "aio"])


@pytest_asyncio.fixture(loop_scope="module")
async def namespace(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Namespace]:
    config = NamespaceConfig.build(
        {"q": {"LockDuration": "PT5M"}, "s": {"RequiresSession": True, "LockDuration": "PT5M"}}
    )
    never = 0xFFFFFFFF
    async with Namespace(
        config, tmp_path, clock=clock, keys=KEYS, idle_timeout=never, link_idle_limit=never
    ) as started:
        yield started


def token(namespace: Namespace, seconds: int, queue: str = "q", name: str = "root", secret: str = "root-secret") -> str:
    uri = f"sb://127.0.0.1:{namespace.port}/{queue}"
    return str(generate_sas_token(uri, name, secret, int(time.time()) + seconds))  # type: ignore[no-untyped-call]


class Renewing:
    """A credential that gives out one token after the other; the last again and again."""

    token_type = b"servicebus.windows.net:sastoken"

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.given = 0

    def _next(self) -> AccessToken:
        found = self.tokens[min(self.given, len(self.tokens) - 1)]
        self.given += 1
        return AccessToken(found, int(found.partition("&se=")[2].partition("&")[0]))


class Credential(Renewing):
    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return self._next()


class AsyncCredential(Renewing):
    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return self._next()


async def do(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    if inspect.iscoroutinefunction(call):
        return await call(*arguments, **options)
    return await asyncio.to_thread(call, *arguments, **options)


@asynccontextmanager
async def connected(kind: Any, namespace: Namespace, credential: Any, **options: Any) -> AsyncIterator[Any]:
    client = kind.ServiceBusClient(f"127.0.0.1:{namespace.port}", credential, use_tls=False, **options)
    try:
        yield client
    finally:
        await do(client.close)


@asynccontextmanager
async def opened(link: Any) -> AsyncIterator[Any]:
    await do(link.__aenter__ if hasattr(link, "__aenter__") else link.__enter__)
    try:
        yield link
    finally:
        await do(link.close)


async def send(sender: Any) -> None:
    await do(sender.send_messages, ServiceBusMessage("x"))


@BOTH
async def test_a_link_whose_token_expired_is_closed_and_the_client_comes_back(
    namespace: Namespace, clock: ManualClock, kind: Any
) -> None:
    credential = AzureSasCredential(token(namespace, 60))
    async with (
        connected(kind, namespace, credential, retry_total=1, retry_backoff_factor=0.01) as client,
        opened(client.get_queue_sender("q")) as sender,
        opened(client.get_queue_receiver("q")) as receiver,
        passing(namespace, clock) as move,
    ):
        await send(sender)
        await do(receiver.receive_messages, max_wait_time=WAIT)
        assert len(await do(receiver.peek_messages, sequence_number=1)) == 1
        credential.update(token(namespace, 3000))
        await move(2 * MINUTE)
        with pytest.raises(ServiceBusError):  # the SDK does not try again with the management node
            await do(receiver.peek_messages, sequence_number=1)
        _, (again,) = await asyncio.gather(send(sender), do(receiver.receive_messages, max_wait_time=WAIT))
        assert again.delivery_count == 1
        await do(receiver.complete_message, again)
        await move(60 * MINUTE)
        errors = await asyncio.gather(send(sender), do(receiver.receive_messages), return_exceptions=True)
        assert [type(error) for error in errors] == [ServiceBusAuthenticationError] * 2


@BOTH
async def test_a_session_is_free_once_the_token_of_its_holder_expired(
    namespace: Namespace, clock: ManualClock, kind: Any
) -> None:
    brief, lasting = (AzureSasCredential(token(namespace, seconds, "s")) for seconds in (60, 3000))
    async with (
        connected(kind, namespace, brief, retry_total=0) as client,
        connected(kind, namespace, lasting, retry_total=0) as other,
        opened(client.get_queue_receiver("s", session_id="one")) as receiver,
        passing(namespace, clock) as move,
    ):
        await move(2 * MINUTE)
        async with opened(other.get_queue_receiver("s", session_id="one")) as successor:
            await do(successor.session.set_state, b"mine")
        with pytest.raises(ServiceBusConnectionError, match="RenewToken"):
            await do(receiver.receive_messages, max_wait_time=1)


async def test_what_a_client_renews_its_token_to_is_what_counts(namespace: Namespace, clock: ManualClock) -> None:
    brief, lasting = token(namespace, 60), token(namespace, 3000)
    listening = token(namespace, 3000, name="listener", secret="listener-secret")
    forged = token(namespace, 3000, secret="wrong")
    credentials: list[tuple[Any, Renewing]] = [
        (synchronous, Credential(brief, lasting)),
        (asynchronous, AsyncCredential(brief, lasting)),
        (asynchronous, AsyncCredential(brief, listening)),
        (asynchronous, AsyncCredential(brief, forged)),
    ]
    async with AsyncExitStack() as stack:
        move, senders = await stack.enter_async_context(passing(namespace, clock)), []
        for kind, credential in credentials:
            client = await stack.enter_async_context(connected(kind, namespace, credential, retry_total=0))
            senders.append(await stack.enter_async_context(opened(client.get_queue_sender("q"))))
        for sender in senders:  # as the SDK does by itself when a tenth of the token's life is left
            await do(sender._handler._cbs_authenticator.update_token)
        renewed, renewed_too, with_fewer_claims, with_a_wrong_key = senders
        await asyncio.gather(send(renewed), send(renewed_too))
        with pytest.raises(ServiceBusAuthenticationError):
            await send(with_a_wrong_key)
        await move(2 * MINUTE)
        await asyncio.gather(send(renewed), send(renewed_too))
        with pytest.raises(ServiceBusConnectionError):
            await send(with_fewer_claims)
        with pytest.raises(ServiceBusAuthorizationError, match="'Send' claim"):
            await send(with_fewer_claims)


@pytest.mark.parametrize(
    ("audience", "put_for", "target", "refusal"),
    [
        ("", "", "q", ""),
        ("", "q", "q/$management", ""),
        ("q/$management", "q/$management", "q/$management", ""),
        ("", "q", "s", "'Send' claim"),
        ("q", "s", "s", "InvalidAudience"),
    ],
)
async def test_a_token_counts_for_what_it_is_put_for(
    namespace: Namespace, audience: str, put_for: str, target: str, refusal: str
) -> None:
    host = f"sb://127.0.0.1:{namespace.port}"
    shown = AsyncCredential(token(namespace, 60, audience))
    client: Any = SendClientAsync
    authentication: Any = JWTTokenAuthAsync
    auth = authentication(host, f"{host}/{put_for}", shown.get_token, token_type=shown.token_type)
    sender = client(host.removeprefix("sb://"), f"{host}/{target}", auth=auth, use_tls=False)
    async with asyncio.timeout(WAIT):
        try:
            with pytest.raises(AMQPException, match=refusal) if refusal else nullcontext():
                await sender.open_async()
                while not await sender.client_ready_async():
                    pass
        finally:
            await sender.close_async()

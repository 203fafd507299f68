"""An app registration that trusts this process's managed identity publishes without any secret, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.errors import Pause
from mti.common.registry import SentinelAuth
from mti.common.registry.references import parse_reference
from mti.publisher.sentinel import Tokens
from mti.simulators.sentinel import App, SentinelSettings, SentinelSimulator, WorkspaceSpec
from tests.publisher.identities import HEADER, identities
from tests.publisher.world import APP_ID, CONTOSO, DIRECTORY, TurnedClock, destination

IDENTITY = "33333333-3333-3333-3333-333333333333"
OBJECT = "44444444-4444-4444-4444-444444444444"


@asynccontextmanager
async def sentinel(**fields: object) -> AsyncIterator[SentinelSimulator]:
    """Serve one app that no secret opens: it trusts one identity."""
    app = App.model_validate(
        {
            "azure_tenant_id": DIRECTORY,
            "client_id": APP_ID,
            "client_secret": SecretStr("nobody-has-it"),
            "trusts": OBJECT,
            "workspaces": (CONTOSO,),
            **fields,
        }
    )
    async with SentinelSimulator([WorkspaceSpec(id=CONTOSO)], [app], settings=SentinelSettings()) as found:
        yield found


@asynccontextmanager
async def tokens(base_url: str, **fields: object) -> AsyncIterator[Tokens]:
    given: dict[str, object] = {
        "auth": SentinelAuth.FEDERATED_IDENTITY,
        "client_secret": None,
        "identity_client_id": parse_reference("env:AZURE_CLIENT_ID"),
        **fields,
    }
    resolver = ReferenceResolver(environ={"AZURE_CLIENT_ID": IDENTITY}, clock=TurnedClock())
    found = Tokens(destination(CONTOSO, base_url, **given), resolver)
    try:
        yield found
    finally:
        await found.close()


async def test_the_identitys_token_is_exchanged_for_one_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        sentinel() as there,
        identities(monkeypatch, **{IDENTITY: OBJECT}) as here,
        tokens(there.base_url) as found,
    ):
        assert await found.token() == await found.token()
        assert there.tokens.issued == 1
    assert here.asked == [(IDENTITY, "api://AzureADTokenExchange")]


async def test_the_identity_that_the_system_assigned_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        sentinel() as there,
        identities(monkeypatch, system=OBJECT) as here,
        tokens(there.base_url, identity_client_id=None) as found,
    ):
        assert await found.token()
    assert here.asked == [("", "api://AzureADTokenExchange")]


async def test_a_sovereign_cloud_has_an_exchange_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        sentinel(exchange_audience="api://AzureADTokenExchangeUSGov") as there,
        identities(monkeypatch, **{IDENTITY: OBJECT}),
    ):
        async with tokens(there.base_url, exchange_scope="api://AzureADTokenExchangeUSGov/.default") as found:
            assert await found.token()
        async with tokens(there.base_url) as found:
            with pytest.raises(Pause, match="AADSTS70021"):
                await found.token()


async def test_an_app_that_trusts_another_identity_is_a_pause_that_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        sentinel(trusts="somebody-else") as there,
        identities(monkeypatch, **{IDENTITY: OBJECT}),
        tokens(there.base_url) as found,
    ):
        with pytest.raises(Pause) as caught:
            await found.token()
    assert caught.value.reason == "CredentialsRefused"
    assert "AADSTS70021" in caught.value.description
    assert "federated credential" in caught.value.description
    assert HEADER not in caught.value.description


async def test_a_directory_that_has_not_consented_is_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        sentinel() as there,
        identities(monkeypatch, **{IDENTITY: OBJECT}),
        tokens(there.base_url, azure_tenant_id="55555555-5555-5555-5555-555555555555") as found,
    ):
        with pytest.raises(Pause, match="consented"):
            await found.token()


async def test_an_identity_that_the_host_does_not_have_is_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sentinel() as there, identities(monkeypatch, system=OBJECT), tokens(there.base_url) as found:
        with pytest.raises(Pause, match="identity_client_id"):
            await found.token()
    assert there.tokens.issued == 0

"""Clients as they are, against the simulated Sentinel and its authority over TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msal  # type: ignore[import-untyped]
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from mti.simulators.sentinel import SentinelSettings, SentinelSimulator, WorkspaceSpec
from servicebus_local.certificates import CERTIFICATE, server_context
from tests.simulators.clients import HeldClock, indicator, sha256, token_form, upload
from tests.simulators.world import APP, DIRECTORY, WORKSPACE

SECRET = APP.client_secret.get_secret_value()
MANAGEMENT = "https://management.azure.com"


@asynccontextmanager
async def sentinel(clock: HeldClock, tls: Path | None = None, **settings: object) -> AsyncIterator[SentinelSimulator]:
    context = server_context(tls, "127.0.0.1") if tls else None
    habits = SentinelSettings.model_validate(settings)
    async with SentinelSimulator([WorkspaceSpec(id=WORKSPACE)], [APP], habits, now=clock, tls=context) as sim:
        yield sim


@pytest.fixture(autouse=True)
def _no_other_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """`requests`, which MSAL is built on, prefers the trust of the environment to the one that it is told."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


async def by_msal(sim: SentinelSimulator, trust: Path, *scopes: str, **options: Any) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        app = msal.ConfidentialClientApplication(
            "app-id", client_credential=SECRET, instance_discovery=False, verify=str(trust / CERTIFICATE), **options
        )
        found: dict[str, Any] = app.acquire_token_for_client(scopes=list(scopes))
        return found

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("oidc", [False, True], ids=["authority", "oidc_authority"])
async def test_an_unmodified_msal_client_gets_a_token_over_tls_and_uploads_with_it(
    clock: HeldClock, tmp_path: Path, *, oidc: bool
) -> None:
    async with sentinel(clock, tmp_path) as sim:
        assert sim.base_url.startswith("https://")
        where = (
            {"oidc_authority": f"{sim.base_url}/{DIRECTORY}/v2.0"}
            if oidc
            else {"authority": f"{sim.base_url}/{DIRECTORY}"}
        )
        token = await by_msal(sim, tmp_path, f"{MANAGEMENT}/.default", **where)
        assert token["token_type"] == "Bearer", token
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        trust = ssl.create_default_context(cafile=str(tmp_path / CERTIFICATE))
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            answer = await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])
    assert (answer.status_code, answer.content) == (200, b"")
    assert sim.workspaces[WORKSPACE].counts["accepted_objects"] == 1


async def test_msal_is_told_what_is_wrong_in_the_words_of_the_directory(clock: HeldClock, tmp_path: Path) -> None:
    async with sentinel(clock, tmp_path) as sim:
        authority = f"{sim.base_url}/{DIRECTORY}"
        refused = await by_msal(sim, tmp_path, "https://graph.microsoft.com/.default", authority=authority)
        assert refused["error"] == "invalid_scope"
        assert refused["error_codes"] == [70011]
        with pytest.raises(ValueError, match="double check your tenant name or GUID"):
            await by_msal(
                sim,
                tmp_path,
                f"{MANAGEMENT}/.default",
                authority=f"{sim.base_url}/99999999-1111-1111-1111-111111111111",
            )


async def test_azure_identity_gets_a_token_with_its_own_transport_over_tls(clock: HeldClock, tmp_path: Path) -> None:
    async with sentinel(clock, tmp_path) as sim:

        def ask(secret: str) -> str:
            credential = ClientSecretCredential(
                DIRECTORY,
                "app-id",
                secret,
                authority=sim.base_url,
                disable_instance_discovery=True,
                connection_verify=str(tmp_path / CERTIFICATE),
            )
            with credential:
                return credential.get_token(f"{MANAGEMENT}/.default").token

        assert await asyncio.to_thread(ask, SECRET)
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await asyncio.to_thread(ask, "wrong")


@pytest.mark.parametrize(
    "scope",
    [
        f"{MANAGEMENT}/.default",
        f"{MANAGEMENT}//.default",
        "https://MANAGEMENT.azure.com/.default",
        "https://management.core.windows.net/.default",
        "https://management.core.windows.net//.default",
        "https://management.usgovcloudapi.net/.default",
        "https://management.core.usgovcloudapi.net//.default",
        "https://management.chinacloudapi.cn//.default",
        f"openid {MANAGEMENT}/.default offline_access",
    ],
)
async def test_every_spelling_of_the_management_scope_gets_a_token_that_uploads(
    clock: HeldClock, http: httpx.AsyncClient, scope: str
) -> None:
    async with sentinel(clock) as sim:
        form = token_form(APP) | {"scope": scope}
        token = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", data=form)
        assert token.status_code == 200, token.text
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).content == b""


@pytest.mark.parametrize("resource", [MANAGEMENT, f"{MANAGEMENT}/", "https://management.core.windows.net/"])
async def test_the_older_token_endpoint_takes_a_resource_and_answers_in_strings(
    clock: HeldClock, http: httpx.AsyncClient, resource: str
) -> None:
    async with sentinel(clock) as sim:
        form = {name: value for name, value in token_form(APP).items() if name != "scope"} | {"resource": resource}
        token = (await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/token", data=form)).json()
        assert (token["expires_in"], token["resource"]) == ("3599", resource)
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).content == b""
        wrong = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/token", data=form | {"resource": "https://x"})
        assert wrong.json()["error"] == "invalid_resource"


async def test_a_client_may_name_itself_by_basic_authentication(clock: HeldClock, http: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{MANAGEMENT}/.default"}
    async with sentinel(clock) as sim:
        url = f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token"
        assert (await http.post(url, data=form, auth=("app-id", SECRET))).status_code == 200
        assert (await http.post(url, data=form, auth=("app-id", "wrong"))).json()["error"] == "invalid_client"


@pytest.mark.parametrize("scope", ["", "https://management.azure.com", "https://management.azure.com.evil/.default"])
async def test_a_scope_that_is_no_resources_default_is_refused(
    clock: HeldClock, http: httpx.AsyncClient, scope: str
) -> None:
    async with sentinel(clock) as sim:
        form = token_form(APP) | {"scope": scope}
        answer = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", data=form)
    assert answer.json()["error"] == "invalid_scope"


async def test_where_the_authority_gives_tokens_for_all_the_upload_refuses_those_for_others(
    clock: HeldClock, http: httpx.AsyncClient
) -> None:
    async with sentinel(clock, other_audiences=True) as sim:
        form = token_form(APP) | {"scope": "https://graph.microsoft.com/.default"}
        token = (await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", data=form)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).status_code == 401


@pytest.mark.parametrize(
    ("language", "pattern"),
    [
        ("yara", "rule test { condition: true }"),
        ("snort", 'alert tcp any any -> any 80 (msg:"x"; sid:1;)'),
        ("suricata", 'alert http any any -> any any (msg:"x"; sid:2;)'),
        ("sigma", "title: x\ndetection:\n  condition: selection"),
        ("pcre", "evil[0-9]+"),
    ],
)
async def test_a_pattern_in_another_language_of_stix_is_taken_and_has_no_observable(
    clock: HeldClock, http: httpx.AsyncClient, language: str, pattern: str
) -> None:
    async with sentinel(clock) as sim:
        found = await sent(sim, http, pattern_type=language, pattern=pattern)
        assert found == []
        assert sim.workspaces[WORKSPACE].observables() == set()
        assert sim.workspaces[WORKSPACE].counts["accepted_objects"] == 1


@pytest.mark.parametrize(
    ("pattern", "kind", "value"),
    [
        ("[network-traffic:src_ref.value = '192.0.2.1']", "network-traffic:src_ref.value", "192.0.2.1"),
        ("[network-traffic:dst_ref.value = '192.0.2.1']", "network-traffic:dst_ref.value", "192.0.2.1"),
        ("[network-traffic:dst_port = 443]", "network-traffic:dst_port", "443"),
        ("[x509-certificate:serial_number = '36:f7']", "x509-certificate:serial_number", "36:f7"),
        ("[x509-certificate:issuer = 'C=ZA']", "x509-certificate:issuer", "c=za"),
        (f"[x509-certificate:hashes.'SHA-256' = '{sha256(1)}']", "x509-certificate:hashes.'SHA-256'", sha256(1)),
        ("[file:name = 'evil.exe']", "file:name", "evil.exe"),
        (f"[file:hashes.'SHA-512' = '{sha256(1) * 2}']", "file:hashes.'SHA-512'", sha256(1) * 2),
        ("[windows-registry-key:key = 'HKLM']", "windows-registry-key:key", "hklm"),
        ("[email-message:from_ref.value = 'a@b.example']", "email-message:from_ref.value", "a@b.example"),
        ("[process:command_line = 'x \\'y\\'']", "process:command_line", "x 'y'"),
    ],
)
async def test_a_single_comparison_of_any_observable_is_taken_under_its_path(
    clock: HeldClock, http: httpx.AsyncClient, pattern: str, kind: str, value: str
) -> None:
    async with sentinel(clock) as sim:
        assert await sent(sim, http, pattern=pattern) == []
        assert {tuple(found) for found in sim.workspaces[WORKSPACE].observables()} == {(kind, value)}


@pytest.mark.parametrize(
    ("switch", "record"),
    [
        ("single_observable_only", {"pattern": "[url:value = 'http://a/' OR url:value = 'http://b/']"}),
        ("single_observable_only", {"pattern": "[unheard-of:value = 'a']"}),
        ("well_formed_hashes_only", {"pattern": "[file:hashes.'SHA-256' = 'abc']"}),
        ("known_pattern_types_only", {"pattern_type": "kql", "pattern": "SecurityEvent | take 1"}),
    ],
)
async def test_what_is_stricter_on_purpose_is_a_switch(
    clock: HeldClock, http: httpx.AsyncClient, switch: str, record: dict[str, str]
) -> None:
    async with sentinel(clock) as sim:
        assert len(await sent(sim, http, **record)) == 1
    lenient: dict[str, object] = {switch: False}
    async with sentinel(clock, None, **lenient) as sim:
        assert await sent(sim, http, **record) == []


async def sent(sim: SentinelSimulator, http: httpx.AsyncClient, **record: str) -> list[dict[str, Any]]:
    """Upload one indicator and return what the answer says against it."""
    token = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", data=token_form(APP))
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answer = await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1) | record])
    assert answer.status_code == 200
    errors: list[dict[str, Any]] = answer.json()["errors"] if answer.content else []
    return errors

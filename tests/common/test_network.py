"""The ways out: proxies for the world and none for ourselves, and the authorities that the system trusts."""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from mti.common.errors import ConfigurationError
from mti.common.logs import redaction
from mti.common.network.proxies import check_proxies, proxy_clause, proxy_for, spare_ourselves
from mti.common.network.transport import Outbound
from mti.common.network.trust import share_authorities
from mti.simulators.serving import LoopbackServer
from tests.support.authority import Authority
from tests.support.proxy import running_proxy

AUTHORITIES = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
WORLD = "https://eu-api.mimecast.com/x"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in AUTHORITIES:
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "url", "proxied"),
    [
        ("HTTPS_PROXY", WORLD, True),
        ("https_proxy", WORLD, True),
        ("ALL_PROXY", WORLD, True),
        ("HTTP_PROXY", WORLD, False),
        ("HTTP_PROXY", "http://example.org", True),
        *(
            (variable, url, False)
            for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
            for url in (
                "http://127.0.0.1:5300/stats",
                "https://127.9.8.7:1",
                "http://localhost:80",
                "http://[::1]:80/",
                "http://169.254.169.254/metadata",
            )
        ),
    ],
)
def test_the_world_is_reached_by_the_proxy_and_this_machine_never(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, *, proxied: bool
) -> None:
    monkeypatch.setenv(variable, "http://me:secret-Zq8@proxy.example:3128")
    assert (proxy_for(url) is not None) is proxied
    assert proxy_clause(url) == (" by the proxy http://proxy.example:3128" if proxied else "")


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy_for(WORLD) == "http://proxy.example:3128"
    monkeypatch.setenv("NO_PROXY", ".mimecast.com")
    assert proxy_for(WORLD) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"NO_PROXY"}),
        ({"NO_PROXY": "a.example, b.example"}, {"NO_PROXY"}),
        ({"no_proxy": "a.example"}, {"NO_PROXY", "no_proxy"}),
        ({"NO_PROXY": "*"}, set()),
    ],
)
def test_every_library_is_told_to_spare_this_machine(before: dict[str, str], after: set[str]) -> None:
    environ = dict(before)
    spare_ourselves(environ)
    spare_ourselves(environ)
    for name in after:
        entries = environ[name].split(",")
        assert {"localhost", "127.0.0.1", "::1", "169.254.169.254"} <= set(entries)
        assert len(entries) == len(set(entries))
        assert {entry.strip() for value in before.values() for entry in value.split(",")} <= set(entries)
    assert set(environ) == set(before) | after


@pytest.mark.parametrize("address", ["socks5://proxy.example:1080", "http://", "http://proxy.example:port"])
def test_a_proxy_that_can_not_be_used_is_named_by_its_variable_alone(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address.replace("://", "://me:proxy-secret-Zq8@"))
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY: is no proxy that can be used; write") as refused:
        check_proxies()
    assert "proxy-secret" not in str(refused.value)


def test_the_password_of_a_proxy_is_kept_out_of_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:proxy%2Fpassword-Zq8@proxy.example:3128")
    check_proxies()
    assert redaction.apply("a proxy/password-Zq8 and proxy%2Fpassword-Zq8") == "a *** and ***"


async def test_a_request_goes_by_the_proxy_and_one_to_ourselves_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_proxy() as proxy, LoopbackServer([]) as server:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.address)
        async with httpx.AsyncClient(transport=Outbound()) as client:
            with pytest.raises(httpx.ProxyError, match="407"):
                await client.get(WORLD)
            assert (await client.get(server.base_url)).status_code == 404
        assert proxy.asked == ["CONNECT eu-api.mimecast.com:443 HTTP/1.1"]


ASK = """
import asyncio, json, sys
from mti.common.network import prepare_network
import aiohttp, httpx, requests
prepare_network()
from mti.common.network.transport import Outbound

async def main(url):
    found = {}
    async with httpx.AsyncClient(transport=Outbound()) as client:
        try:
            found["httpx"] = (await client.get(url)).status_code
        except httpx.ConnectError as error:
            found["httpx"] = "CERTIFICATE_VERIFY_FAILED" in str(error)
    async with aiohttp.ClientSession(trust_env=True) as session:
        try:
            async with session.get(url) as answer:
                found["aiohttp"] = answer.status
        except aiohttp.ClientConnectorCertificateError:
            found["aiohttp"] = True
    try:
        found["requests"] = (await asyncio.to_thread(requests.get, url)).status_code
    except requests.exceptions.SSLError:
        found["requests"] = True
    print(json.dumps(found))

asyncio.run(main(sys.argv[1]))
"""


async def asked(url: str, **environ: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK, url, env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    found: dict[str, object] = json.loads(out)
    return found


async def test_every_library_trusts_the_authority_that_any_of_the_variables_names(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with LoopbackServer([]) as server, authority.before(int(server.base_url.rpartition(":")[2])) as port:
        url = f"https://127.0.0.1:{port}/"
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            found = await asked(url, **{variable: str(authority.file)})
            assert found == {"httpx": 404, "aiohttp": 404, "requests": 404}, variable
        assert await asked(url) == {"httpx": True, "aiohttp": True, "requests": True}


def test_a_file_of_authorities_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE: /nowhere does not exist; name the file, or unset"):
        share_authorities({"SSL_CERT_FILE": "/nowhere"})


def test_the_system_is_trusted_by_default() -> None:
    environ: dict[str, str] = {}
    share_authorities(environ)
    assert environ.get("REQUESTS_CA_BUNDLE") == ssl.get_default_verify_paths().cafile


async def test_what_is_not_installed_is_not_searched_for_again() -> None:
    code = (
        "import sys\nfrom mti.common.network import prepare_network\nprepare_network()\n"
        "class Searched:\n def find_spec(self, name, *_):\n  print('searched for', name)\n"
        "sys.meta_path.insert(0, Searched())\n"
        "try: import sniffio\nexcept ImportError: print('absent')"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out in {b"absent\n", b"searched for sniffio\n"}  # the latter where it is installed

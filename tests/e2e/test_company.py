"""In an ordinary company: a proxy for the world, and an authority of its own. Real processes."""

import contextlib
from pathlib import Path

import pytest

from mti.simulators import Simulators
from tests.support.authority import Authority
from tests.support.cli import mti, up
from tests.support.proxy import running_proxy
from tests.support.worlds import assert_exact, two_tenants

pytestmark = pytest.mark.timeout(400)


async def test_no_call_to_this_machine_goes_by_the_proxy(tmp_path: Path) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with running_proxy() as proxy, Simulators(two_tenants(detections=20)) as world:
        env = world.write_tenants(tenants)
        env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), proxy.address)
        said = await mti(*up(tenants, data), env=env)
        assert said.status == 0, said.err
        assert_exact(world)
        for command in ("status", "reconcile"):
            assert (await mti(command, "--data", data, env=env)).status == 0
    assert proxy.asked == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_servers_under_a_companys_own_authority_are_trusted_where_it_is_named(
    tmp_path: Path, variable: str
) -> None:
    authority, tenants = Authority(tmp_path), tmp_path / "tenants.yaml"
    async with contextlib.AsyncExitStack() as stack:
        world = await stack.enter_async_context(Simulators(two_tenants(detections=20)))
        env = world.write_tenants(tenants)
        text = tenants.read_text()
        for plain in (world.mimecast.base_url, world.sentinel.base_url):
            port = await stack.enter_async_context(authority.before(int(plain.rpartition(":")[2])))
            text = text.replace(plain, f"https://127.0.0.1:{port}")
        assert "http://" not in text
        tenants.write_text(text)
        said = await mti(*up(tenants, tmp_path / "data"), env={**env, variable: str(authority.file)})
        assert said.status == 0, said.err
        assert_exact(world)

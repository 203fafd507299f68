"""`mti tenants add`: a customer is tried against Mimecast and Sentinel, over real sockets, before it is saved."""

import asyncio
import os
import pty
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from mti.simulators.mimecast import AccountV2, MimecastSimulator
from mti.simulators.sentinel import App, SentinelSettings, SentinelSimulator, WorkspaceSpec
from mti.simulators.serving import LoopbackServer
from tests.publisher.identities import HEADER, Identities
from tests.support.cli import MTI, mti

pytestmark = pytest.mark.timeout(180)

WORKSPACE = "00000000-0000-0000-0000-00000000000a"
FOREIGN = "00000000-0000-0000-0000-00000000000b"
DIRECTORY = "11111111-1111-1111-1111-111111111111"
APP = "22222222-2222-2222-2222-222222222222"
IDENTITY = "33333333-3333-3333-3333-333333333333"
OBJECT = "44444444-4444-4444-4444-444444444444"


@dataclass
class Customer:
    """A customer's Mimecast account and workspace, and the provider's store."""

    mimecast: MimecastSimulator
    sentinel: SentinelSimulator
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def arguments(self, *more: str, workspace: str = WORKSPACE) -> list[str]:
        """Return what somebody writes who asks nothing."""
        return [
            *("tenants", "add", "contoso", "--region", "eu", "--workspace", workspace, "--directory", DIRECTORY),
            *("--app", APP, "--allow-loopback", *self.endpoints(), *more),
        ]

    def endpoints(self) -> list[str]:
        """Return the options that lead to this machine."""
        fields = {
            "--mimecast": {
                "base_url": self.mimecast.base_url,
                "client_id": "env:CONTOSO_ID",
                "client_secret": "env:CONTOSO_SECRET",
            },
            "--destination": {"endpoint": self.sentinel.base_url, "authority": self.sentinel.base_url},
        }
        return [
            part
            for option, each in fields.items()
            for name, value in each.items()
            for part in (option, f"{name}={value}")
        ]


@pytest.fixture
async def customer(tmp_path: Path) -> AsyncIterator[Customer]:
    account = AccountV2(id="contoso", region="eu", client_id="the-id", client_secret=SecretStr("the-secret"))
    app = App(
        azure_tenant_id=DIRECTORY,
        client_id=APP,
        client_secret=SecretStr("nobody-has-it"),
        trusts=OBJECT,
        workspaces=(WORKSPACE,),
    )
    here = Identities({IDENTITY: OBJECT})
    async with (
        MimecastSimulator([account], {}) as mimecast,
        SentinelSimulator(
            [WorkspaceSpec(id=WORKSPACE), WorkspaceSpec(id=FOREIGN)], [app], settings=SentinelSettings()
        ) as sentinel,
        LoopbackServer([("GET", "/msi/token", here.answer)]) as platform,
    ):
        env = {
            "MTI_TENANTS_STORE": f"sqlite:{tmp_path / 'tenants.db'}",
            "CONTOSO_ID": "the-id",
            "CONTOSO_SECRET": "the-secret",
            "AZURE_CLIENT_ID": IDENTITY,
            "IDENTITY_ENDPOINT": f"{platform.base_url}/msi/token",
            "IDENTITY_HEADER": HEADER,
        }
        yield Customer(mimecast, sentinel, tmp_path, env)


async def test_a_customer_is_tried_and_saved(customer: Customer) -> None:
    said = await mti(*customer.arguments("--json"), env=customer.env)
    assert said.status == 0, said.err
    assert said.document["saved"] is True
    assert [(check["what"], check["good"]) for check in said.document["checks"]] == [
        ("mimecast", True),
        (f"workspace {WORKSPACE}", True),
    ]
    exported = await mti("tenants", "export", env=customer.env)
    (entry,) = yaml.safe_load(exported.out)["tenants"]
    assert entry == said.document["entry"]
    assert entry["destinations"][0]["auth"] == "federated_identity"
    assert customer.sentinel.workspaces[WORKSPACE].counts["requests"] == 1
    assert customer.sentinel.workspaces[WORKSPACE].counts["accepted_objects"] == 0
    assert not customer.mimecast.journal.calls

    again = await mti(*customer.arguments(), env=customer.env)
    assert again.status == 2
    assert "contoso is a tenant" in again.err


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        ({"workspace": FOREIGN}, {}, "Microsoft Sentinel Contributor"),
        ({"workspace": "00000000-0000-0000-0000-00000000000c"}, {}, "no such workspace"),
        ({}, {"CONTOSO_SECRET": "another"}, "Mimecast gives no token"),
        ({}, {"AZURE_CLIENT_ID": DIRECTORY}, "federated credential"),
        ({}, {"CONTOSO_ID": ""}, "env:CONTOSO_ID"),
    ],
)
async def test_what_would_not_work_is_told_and_nothing_is_saved(
    customer: Customer, arguments: dict[str, str], env: dict[str, str], says: str
) -> None:
    said = await mti(*customer.arguments(**arguments), env={**customer.env, **env})
    assert said.status == 1
    assert "WRONG" in said.err
    assert says in said.err
    assert "nothing was saved" in said.err
    assert (await mti("tenants", "export", env=customer.env)).status == 2


async def test_unchecked_saves_what_can_be_tried_elsewhere_only(customer: Customer) -> None:
    said = await mti(*customer.arguments("--unchecked", workspace=FOREIGN), env=customer.env)
    assert (said.status, customer.sentinel.tokens.issued) == (0, 0), said.err
    assert "contoso" in (await mti("tenants", "export", env=customer.env)).out


async def test_the_others_and_their_defaults_stay_as_they_are(customer: Customer) -> None:
    file = customer.folder / "tenants.yaml"
    workspace = {"workspace_id": FOREIGN, "auth": "managed_identity"}
    account = {"api": "2.0", "region": "eu", "client_id": "env:A", "client_secret": "env:B"}
    fabrikam = {"id": "fabrikam", "mimecast": account, "feeds": ["malware_customer"], "destinations": [workspace]}
    file.write_text(yaml.safe_dump({"defaults": {"poll_interval": "10m"}, "tenants": [fabrikam]}))
    assert (await mti("tenants", "import", file, env=customer.env)).status == 0
    assert (await mti(*customer.arguments(), env=customer.env)).status == 0
    found = yaml.safe_load((await mti("tenants", "export", env=customer.env)).out)
    assert found["defaults"] == {"poll_interval": "10m"}
    assert [each["id"] for each in found["tenants"]] == ["contoso", "fabrikam"]


async def test_a_file_stays_its_owner_s_and_the_entry_is_printed(customer: Customer) -> None:
    file = customer.folder / "tenants.yaml"
    workspace = {"workspace_id": FOREIGN, "auth": "managed_identity"}
    account = {"api": "2.0", "region": "eu", "client_id": "env:A", "client_secret": "env:B"}
    fabrikam = {"id": "fabrikam", "mimecast": account, "feeds": ["malware_customer"], "destinations": [workspace]}
    file.write_text(yaml.safe_dump({"tenants": [fabrikam]}))
    before = file.read_bytes()
    env = {name: value for name, value in customer.env.items() if name != "MTI_TENANTS_STORE"}
    said = await mti(*customer.arguments("--tenants", str(file)), env=env)
    assert said.status == 0, said.err
    assert file.read_bytes() == before
    (entry,) = yaml.safe_load(said.out)["tenants"]
    assert entry["id"] == "contoso"


async def test_on_a_terminal_it_asks_for_what_is_missing(customer: Customer) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(MTI, "tenants", "add", "--allow-loopback", *customer.endpoints()),
        env={**os.environ, **customer.env},
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    os.write(ours, "".join(f"{each}\n" for each in ("contoso", "eu", WORKSPACE, DIRECTORY, APP)).encode())
    try:
        _, err = await process.communicate()
    finally:
        os.close(ours)
    assert process.returncode == 0, err.decode()
    assert "contoso is saved" in err.decode()
    for question in ("Id of the tenant", "Region", "Id of its workspace", "Microsoft Entra tenant", "App registration"):
        assert question in err.decode()

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.adapters.secrets import KeyVaultSecrets, ReferenceResolver
from mti.common.errors import SecretUnavailable
from mti.common.logs import redaction
from mti.common.ports.secrets import SecretResolver
from mti.common.registry import check_secrets
from mti.common.registry.references import parse_reference
from tests.common.key_vault import VAULT, Vault, running_vault
from tests.common.tenants import AZURE_TENANT, WORKSPACE, destination, load, mimecast, tenant
from tests.support.clocks import HandClock


@pytest.fixture
async def vault(tmp_path: Path) -> AsyncIterator[Vault]:
    async with running_vault(tmp_path) as running:
        yield running


def over(vault: Vault, vault_url: str | None = VAULT) -> ReferenceResolver:
    source = KeyVaultSecrets(vault_url, credential=vault.credential, transport=vault.transport, retries=0)
    return ReferenceResolver(
        key_vault=source, environ={"SETTING": f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/app/)"}
    )


async def refusal(resolver: SecretResolver, reference: str) -> str:
    with pytest.raises(SecretUnavailable) as refused:
        await resolver.resolve(parse_reference(reference))
    return refused.value.description


async def test_a_variable_is_read_when_it_is_needed() -> None:
    resolver = ReferenceResolver(environ={"ID": "abc-value", "EMPTY": ""})
    secret = await resolver.resolve(parse_reference("env:ID"))
    assert secret.get_secret_value() == "abc-value"
    assert "abc-value" not in repr(secret)
    assert await refusal(resolver, "env:NOPE") == "env:NOPE is not set; set the environment variable NOPE"
    assert await refusal(resolver, "env:EMPTY") == "env:EMPTY is empty; set the environment variable EMPTY"


async def test_a_file_is_read_beside_the_tenants_file_without_white_space_around_it(tmp_path: Path) -> None:
    resolver = ReferenceResolver(base=tmp_path)
    for written, value in ((b"one\n", "one"), (b"two\r\n", "two"), (b"three\n\n", "three"), (b" four", "four")):
        (tmp_path / "secret").write_bytes(written)
        resolver.forget(parse_reference("file:secret"))
        assert (await resolver.resolve(parse_reference("file:secret"))).get_secret_value() == value
    assert (await resolver.resolve(parse_reference(f"file:{tmp_path / 'secret'}"))).get_secret_value() == "four"


@pytest.mark.parametrize("written", ["a-value\n", "a-value\r\n", "\ta-value \n\n", "\n a-value"])
async def test_a_secret_has_no_line_break_wherever_it_is_kept(vault: Vault, tmp_path: Path, written: str) -> None:
    vault.secrets["app"] = written
    (tmp_path / "secret").write_bytes(written.encode())
    source = KeyVaultSecrets(VAULT, credential=vault.credential, transport=vault.transport, retries=0)
    environ = {"ID": written, "SETTING": f"\n@Microsoft.KeyVault(SecretUri={VAULT}/secrets/app)\n"}
    resolver = ReferenceResolver(key_vault=source, base=tmp_path, environ=environ)
    for reference in ("env:ID", "file:secret", "keyvault:app", "env:SETTING"):
        assert (await resolver.resolve(parse_reference(reference))).get_secret_value() == "a-value"


async def test_what_is_white_space_alone_is_empty_wherever_it_is_kept(vault: Vault, tmp_path: Path) -> None:
    vault.secrets["app"] = " \n"
    (tmp_path / "secret").write_bytes(b"\r\n ")
    source = KeyVaultSecrets(VAULT, credential=vault.credential, transport=vault.transport, retries=0)
    resolver = ReferenceResolver(key_vault=source, base=tmp_path, environ={"ID": "\n"})
    for reference in ("env:ID", "file:secret", "keyvault:app"):
        assert "is empty" in await refusal(resolver, reference)


async def test_a_file_that_holds_no_secret_is_named_with_the_cure(tmp_path: Path) -> None:
    resolver = ReferenceResolver(base=tmp_path)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert await refusal(resolver, "file:gone") == f"file:gone does not exist; put the secret into {tmp_path / 'gone'}"
    assert await refusal(resolver, "file:empty") == f"file:empty is empty; put the secret into {tmp_path / 'empty'}"
    assert "file:binary is not UTF-8 text; save" in await refusal(resolver, "file:binary")
    assert "can't be read (Is a directory); make" in await refusal(resolver, f"file:{tmp_path}")


async def test_a_file_without_an_end_is_not_read_to_it() -> None:
    told = await refusal(ReferenceResolver(), "file:/dev/zero")
    assert told.startswith(
        "file:/dev/zero has more than 1048576 bytes, as no secret has; put the secret into /dev/zero"
    )


async def test_what_a_variable_holds_in_a_vaults_form_and_is_no_reference_is_not_shown() -> None:
    told = await refusal(ReferenceResolver(environ={"SETTING": "@Microsoft.KeyVault(hunter2)"}), "env:SETTING")
    assert told.startswith("env:SETTING holds what is not a Key Vault reference; write @Microsoft.KeyVault(")
    assert "hunter2" not in told


def test_what_is_no_reference_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="is not a reference") as refused:
        parse_reference("hunter2")
    told = str(refused.value)
    assert "is not a reference to a secret; keep the secret elsewhere and write env:NAME" in told
    assert "hunter2" not in told


async def test_a_value_is_read_again_when_its_time_is_over_or_it_is_forgotten() -> None:
    environ, clock = {"ID": "first"}, HandClock()
    resolver = ReferenceResolver(cache_for=timedelta(minutes=5), clock=clock, environ=environ)

    async def read() -> str:
        return (await resolver.resolve(parse_reference("env:ID"))).get_secret_value()

    assert await read() == "first"
    environ["ID"] = "second"
    await clock.sleep(299)
    assert await read() == "first"
    await clock.sleep(1)
    assert await read() == "second"
    environ["ID"] = "third"
    resolver.forget(parse_reference("env:ID"))
    assert await read() == "third"


async def test_a_secret_that_was_missing_is_found_once_it_is_set() -> None:
    environ: dict[str, str] = {}
    resolver = ReferenceResolver(clock=HandClock(), environ=environ)
    await refusal(resolver, "env:ID")
    environ["ID"] = "late"
    assert (await resolver.resolve(parse_reference("env:ID"))).get_secret_value() == "late"


async def test_what_was_read_is_masked_in_the_logs_from_then_on() -> None:
    await ReferenceResolver(environ={"ID": "a-value-to-mask"}).resolve(parse_reference("env:ID"))
    assert redaction.apply("is a-value-to-mask") == "is ***"


async def test_a_vault_is_asked_with_a_token_for_its_challenge(vault: Vault) -> None:
    vault.secrets = {"app": "from-vault", "app/0a1b": "older"}
    resolver = over(vault)
    assert (await resolver.resolve(parse_reference("keyvault:app"))).get_secret_value() == "from-vault"
    assert vault.credential.asked[0] == ("https://vault.azure.net/.default", "tenant-1")
    await resolver.resolve(parse_reference("keyvault:app"))
    assert vault.paths == ["/secrets/app/"]
    await resolver.close()


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        (f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/app)", "from-vault"),
        (f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/app/0a1b)", "older"),
        ("@Microsoft.KeyVault(VaultName=contoso;SecretName=app)", "from-vault"),
        ("env:SETTING", "from-vault"),
    ],
)
async def test_an_app_services_reference_goes_to_the_vault_it_names(vault: Vault, reference: str, value: str) -> None:
    vault.secrets = {"app": "from-vault", "app/0a1b": "older"}
    resolver = over(vault, vault_url=None)
    assert (await resolver.resolve(parse_reference(reference))).get_secret_value() == value
    await resolver.close()


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, "keyvault:app is not in contoso.vault.azure.net; create the secret there, or correct the name"),
        (403, "keyvault:app may not be read in contoso.vault.azure.net; give this process's identity the role"),
        (401, "keyvault:app was asked for without valid credentials at contoso.vault.azure.net; give this process"),
        (500, "keyvault:app could not be read, contoso.vault.azure.net answered 500; look at the vault's health"),
    ],
)
async def test_what_a_vault_refuses_is_told_with_the_cure(vault: Vault, status: int, problem: str) -> None:
    vault.status = status
    resolver = over(vault)
    assert problem in await refusal(resolver, "keyvault:app")
    await resolver.close()


async def test_a_vault_that_does_not_answer_is_told_with_the_cure(vault: Vault) -> None:
    resolver = over(vault, vault_url="https://127.0.0.1:1")
    told = await refusal(resolver, "keyvault:app")
    assert "keyvault:app could not be read, 127.0.0.1 gave no answer" in told
    assert "check the vault's address and its firewall" in told
    await resolver.close()


async def test_a_vault_whose_answer_swells_is_never_held(vault: Vault) -> None:
    vault.secrets["app"] = "x" * (8 * 1024 * 1024)
    resolver = over(vault)
    told = await refusal(resolver, "keyvault:app")
    assert "gave no answer (AnswerRefused)" in told
    await resolver.close()


async def test_without_a_vault_the_setting_is_named() -> None:
    told = await refusal(ReferenceResolver(), "keyvault:app")
    assert told == "keyvault:app has no vault; set MTI_KEYVAULT_URL to the vault's address"


def test_a_local_run_does_not_load_the_azure_libraries() -> None:
    program = (
        "import asyncio, sys\n"
        "from mti.common.adapters.secrets import ReferenceResolver\n"
        "from mti.common.registry.references import parse_reference\n"
        "asyncio.run(ReferenceResolver(environ={'A': 'bbbb'}).resolve(parse_reference('env:A')))\n"
        "print([name for name in sys.modules if name.startswith('azure')])\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


async def test_every_reference_of_the_tenants_is_checked_and_each_problem_names_its_field() -> None:
    app = {"azure_tenant_id": AZURE_TENANT, "client_id": AZURE_TENANT}
    registry = load(
        tenant(
            mimecast=mimecast(client_secret="env:GONE"),
            feeds=["malware_customer", "malware_grid"],
            destinations=[
                destination(1, auth="client_secret", client_secret="keyvault:app", **app),
                destination(2, auth="certificate", certificate="file:/gone.pem", **app),
                destination(3),
            ],
        )
    )
    one, two, three = await check_secrets(registry, ReferenceResolver(environ={"M_ID": "mimecast-id"}))
    assert one == "tenant contoso: mimecast.client_secret: env:GONE is not set; set the environment variable GONE"
    assert two.startswith(f"tenant contoso: workspace {WORKSPACE.format(1)}: client_secret: keyvault:app has no vault;")
    assert three == (
        f"tenant contoso: workspace {WORKSPACE.format(2)}: certificate: file:/gone.pem does not exist;"
        " put the secret into /gone.pem"
    )


async def test_nothing_is_reported_when_every_secret_can_be_read() -> None:
    resolver = ReferenceResolver(environ={"M_ID": "mimecast-id", "M_SECRET": "mimecast-secret"})
    assert await check_secrets(load(tenant()), resolver) == []

import pytest

from mti.common.ports.secrets import Scheme, SecretReference
from mti.common.registry.references import parse_reference

pytestmark = pytest.mark.pure

VAULT = "https://contoso.vault.azure.net"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env:NAME_1", SecretReference(scheme=Scheme.ENV, name="NAME_1")),
        ("file:secrets/a b.txt", SecretReference(scheme=Scheme.FILE, name="secrets/a b.txt")),
        ("keyvault:contoso-secret", SecretReference(scheme=Scheme.KEYVAULT, name="contoso-secret")),
        (
            f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/name/0a1b)",
            SecretReference(scheme=Scheme.KEYVAULT, name="name", vault_url=VAULT, version="0a1b"),
        ),
        (
            f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/name/)",
            SecretReference(scheme=Scheme.KEYVAULT, name="name", vault_url=VAULT),
        ),
        (
            "@Microsoft.KeyVault(VaultName=Contoso;SecretName=name)",
            SecretReference(scheme=Scheme.KEYVAULT, name="name", vault_url=VAULT),
        ),
        (
            "@Microsoft.KeyVault(VaultName=contoso;SecretName=name;SecretVersion=0a1b)",
            SecretReference(scheme=Scheme.KEYVAULT, name="name", vault_url=VAULT, version="0a1b"),
        ),
    ],
)
def test_a_reference_is_taken_apart(text: str, expected: SecretReference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "",
        "env:",
        "env:hunter2!",
        "ENV:hunter2",
        "env:1hunter2",
        "file:",
        "keyvault:hunter2/x",
        "vault:hunter2",
        "@Microsoft.KeyVault()",
        "@Microsoft.KeyVault(hunter2)",
        "@Microsoft.KeyVault(VaultName=hunter2)",
        "@Microsoft.KeyVault(VaultName=evil.org/hunter2;SecretName=name)",
        "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/keys/hunter2)",
        "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/name?hunter2)",
        "@Microsoft.KeyVault(SecretUri=http://contoso.vault.azure.net/secrets/hunter2)",
        "@Microsoft.KeyVault(SecretUri=https://127.0.0.1/secrets/hunter2)",
        "@Microsoft.KeyVault(SecretUri=https://vault.azure.net.evil.org/secrets/hunter2)",
    ],
)
def test_anything_else_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="; ") as refused:
        parse_reference(text)
    assert "hunter2" not in str(refused.value)

"""Where secrets are kept: environment variables, files and Azure Key Vault, and the resolver that asks them."""

from mti.common.adapters.secrets.environment import EnvironmentSecrets
from mti.common.adapters.secrets.files import FileSecrets
from mti.common.adapters.secrets.keyvault import KeyVaultSecrets
from mti.common.adapters.secrets.resolver import ReferenceResolver, SecretSource

__all__ = ["EnvironmentSecrets", "FileSecrets", "KeyVaultSecrets", "ReferenceResolver", "SecretSource"]

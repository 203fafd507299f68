"""Secrets before anything starts: a person is there to mend them, and later a missing one is only a pause."""

from pathlib import Path

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.errors import ConfigurationError
from mti.common.registry import Registry, check_secrets
from mti.common.settings import TenantsSettings


async def require_secrets(registry: Registry, tenants: Path) -> None:
    """Resolve every reference.

    Raises:
        ConfigurationError: lists each secret that can't be read, with its tenant, field and cure.
    """
    settings = TenantsSettings.from_environment(
        tenants_file=tenants, tenants_store=None, tenants_text=None, tenants_states=None
    )
    async with ReferenceResolver(settings.keyvault_url, tenants.parent) as resolver:
        problems = await check_secrets(registry, resolver)
    if problems:
        raise ConfigurationError("\n".join([f"{tenants}: some secrets can't be read:", *problems]))

"""Whether every secret that the tenants file names can be read."""

import asyncio
from collections.abc import Iterator

from mti.common.errors import SecretUnavailable
from mti.common.ports.secrets import SecretReference, SecretResolver
from mti.common.registry.model import Registry

_AT_ONCE = 8


async def check_secrets(registry: Registry, resolver: SecretResolver) -> list[str]:
    """Resolve every reference, and return what can't be read.

    Returns:
        One line a field, in the file's order: `tenant contoso: mimecast.client_secret: <reference and what is wrong>;
        <the cure>`. Empty when all is well. No line holds a value.
    """
    free = asyncio.Semaphore(_AT_ONCE)

    async def problem(place: str, reference: SecretReference) -> str | None:
        async with free:
            try:
                await resolver.resolve(reference)
            except SecretUnavailable as unavailable:
                return f"{place}: {unavailable.description}"
            return None

    named = dict.fromkeys((*_of_accounts(registry), *_of_destinations(registry)))
    found = await asyncio.gather(*(problem(place, reference) for place, reference in named))
    return [text for text in found if text]


def _of_accounts(registry: Registry) -> Iterator[tuple[str, SecretReference]]:
    for source in registry.sources.values():
        for account in source.accounts:
            for field, reference in account.secrets.items():
                yield f"tenant {account.tenant}: mimecast.{field}", reference


def _of_destinations(registry: Registry) -> Iterator[tuple[str, SecretReference]]:
    for destination in registry.destinations.values():
        for field, reference in destination.secrets.items():
            yield f"tenant {destination.tenants[0]}: workspace {destination.id}: {field}", reference

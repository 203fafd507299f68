"""Whether a tenant that is not there yet would work: its secrets, its Mimecast account, its workspaces."""

import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.errors import Reasoned
from mti.common.ports.clock import Clock
from mti.common.registry import MimecastAccount, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one account or workspace."""

    what: str
    """`mimecast`, or `workspace` and its id."""
    good: bool
    says: str
    """What is wrong and the cure; or what was seen, and what could not be."""


async def try_tenant(
    registry: Registry, tenant: str, *, keyvault_url: str | None, folder: Path, clock: Clock
) -> list[Finding]:
    """Ask for tokens of Mimecast and Sentinel, and whether Sentinel takes an upload. Nothing is fetched or uploaded.

    Args:
        registry: with the tenant in it.
        tenant: its id.
        keyvault_url: of the vault that `keyvault:NAME` is in.
        folder: where relative `file:` references start.
        clock: the time.
    """
    accounts = [each for source in registry.sources.values() for each in source.accounts if each.tenant == tenant]
    workspaces = [each for each in registry.destinations.values() if tenant in each.tenants]
    async with ReferenceResolver(keyvault_url, folder) as secrets:
        found = [await _mimecast(accounts[:1], secrets, clock)]
        for workspace in workspaces:
            from mti.publisher.composition import probe  # noqa: PLC0415  it loads what uploads, for this command alone

            seen = "a token was given and an upload accepted"
            unsure = (
                "a token was given, and a request without objects was refused for that alone; whether the role is there"
                " shows with the first upload"
            )
            found.append(await _finding(f"workspace {workspace.id}", probe(workspace, secrets, clock), seen, unsure))
    return found


async def _mimecast(accounts: Sequence[MimecastAccount], secrets: ReferenceResolver, clock: Clock) -> Finding:
    from mti.fetcher.composition import prove  # noqa: PLC0415  see `try_tenant`

    if not accounts:
        return Finding(what="mimecast", good=False, says="the tenant is paused or removed: resume it first")
    unsure = "the secrets can be read; API 1.0 has no way to try them but the first fetch"
    asking = prove(accounts[0], secrets, clock, random.Random())  # noqa: S311  it is a jitter
    return await _finding("mimecast", asking, "a token was given", unsure)


async def _finding(what: str, asking: Awaitable[bool], seen: str, unsure: str) -> Finding:
    try:
        return Finding(what=what, good=True, says=seen if await asking else unsure)
    except Reasoned as error:
        return Finding(what=what, good=False, says=error.description)

"""`mti migrate`: brings the stores of an earlier release into the form of this one."""

import asyncio

from mti.cli.console import say, write_json
from mti.cli.options import AsJson, Data, TenantsFile
from mti.deployment import open_deployment
from mti.operations.migration import Migrated, migrate


def command(data: Data = None, tenants: TenantsFile = None, as_json: AsJson = False) -> None:
    """Bring the stores of an earlier release into today's form, once, while no service runs. `mti up` does it itself.

    It can be run again after it was interrupted, and does nothing where all is current.
    """

    async def work() -> Migrated:
        async with open_deployment(data, tenants) as deployment:
            stores = await deployment.stores(earlier=True)
            return await migrate(await deployment.registry(), stores, deployment.clock)

    done = asyncio.run(work())
    if as_json:
        write_json(done.document())
    elif done.needed:
        say(
            f"{done.published:,} entries of workspaces, {done.known:,} of sources and {done.withdrawals:,} withdrawals "
            f"were brought into today's form, and {done.packed:,} documents were packed."
        )
    else:
        say("All stores are of today's form.")

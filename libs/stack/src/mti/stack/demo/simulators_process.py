"""The simulators as a child: `python -m mti.stack.demo.simulators_process DETECTIONS SEED FOLDER`.

It writes `tenants.yaml` and `secrets.json` into the folder, and says on stdout where it listens.
"""

import asyncio
import json
import sys
from pathlib import Path

from mti.common.hosting import process
from mti.common.logs import configure
from mti.simulators import Simulators, demo_scenario


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    detections, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    async with Simulators(demo_scenario(seed, detections)) as simulators:
        secrets = folder / "secrets.json"
        secrets.touch(mode=0o600)
        secrets.write_text(json.dumps(simulators.write_tenants(folder / "tenants.yaml")), encoding="utf-8")
        workspaces = {
            workspace.id: [
                tenant.id
                for tenant in simulators.scenario.tenants
                if any(destination.workspace_id == workspace.id for destination in tenant.destinations)
            ]
            for workspace in simulators.scenario.workspaces
        }
        ready = {
            "sentinel": simulators.sentinel.base_url,
            "detections": simulators.detections(),
            "workspaces": workspaces,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    configure("simulators", "WARNING")
    process.run(main)

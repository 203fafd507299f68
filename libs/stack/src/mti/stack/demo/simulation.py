"""The simulated world as a process of its own, and the questions that it answers."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from mti.stack.child import Child
from mti.stack.demo.outcome import WorkspaceTruth
from mti.stack.launching.launcher import Launcher
from mti.stack.own_http import own_client

READY_WAIT = 120.0


class Simulation:
    """Mimecast and Sentinel, simulated. Use it as an asynchronous context.

    Args:
        folder: where the tenants file and the secrets are written.
        detections: how many all feeds hold together, a region's grid counted once.
        seed: feeds and faults follow from it.
    """

    def __init__(self, folder: Path, detections: int, seed: int) -> None:
        self.tenants = folder / "tenants.yaml"
        self._secrets = folder / "secrets.json"
        arguments = ["-m", "mti.stack.demo.simulators_process", str(detections), str(seed), str(folder)]
        self.process = Child(Launcher(), "simulators", arguments, {}, folder / "simulators.jsonl", announces=True)
        self.detections = 0
        self.workspaces: dict[str, list[str]] = {}
        """The tenants that each workspace belongs to."""
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Start it.

        Raises:
            StackError: it does not come up.
        """
        await self.process.start()
        try:
            ready = json.loads(await self.process.first_line(READY_WAIT))
        except BaseException:
            await self.process.stop()
            raise
        self.detections, self.workspaces = ready["detections"], ready["workspaces"]
        self._http = own_client(ready["sentinel"], seconds=60)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._http is not None:
            await self._http.aclose()
        await self.process.stop()

    def secrets(self) -> dict[str, str]:
        """Return the environment that the tenants file refers to."""
        secrets: dict[str, str] = json.loads(self._secrets.read_text(encoding="utf-8"))
        return secrets

    async def keep(self, folder: Path) -> None:
        """Write the rows that the workspaces keep into a folder, one file each: the console's dashboards read them.

        Args:
            folder: it is there.
        """
        assert self._http is not None  # noqa: S101  entered
        for workspace in self.workspaces:
            asked = self._http.stream("GET", f"/_sim/workspaces/{workspace}/rows")
            with (folder / f"{workspace}.jsonl").open("wb") as file:
                async with asked as answer:
                    answer.raise_for_status()
                    async for part in answer.aiter_bytes():
                        file.write(part)

    async def truth(self, workspace: str) -> WorkspaceTruth:
        """Return what a workspace holds, against what the feeds imply."""
        assert self._http is not None  # noqa: S101  entered
        compared = (await self._http.get(f"/_sim/expected/{workspace}")).raise_for_status().json()
        held = (await self._http.get(f"/_sim/workspaces/{workspace}")).raise_for_status().json()
        return WorkspaceTruth(
            workspace=workspace,
            tenants=self.workspaces[workspace],
            expected=len(compared["expected"]),
            accepted=held["distinct_observables"],
            refused=len(compared["refused_for_ever"]),
            lost=len(compared["missing"]),
            doubled=len(compared["doubled"]),
            unexpected=len(compared["unexpected"]),
            resent=held["identical_resends"],
            requests=held["requests"],
        )

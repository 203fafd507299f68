"""What a page's blocks find where they are run."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from mti.simulators import Simulators
from mti.stack.layout import LastRun, Layout
from tests.cli.test_dlq import batch, bury
from tests.house.shell.fences import ROOT
from tests.house.shell.running import Stage
from tests.operations.dead_letters.world import page
from tests.support.bus import INDICATORS, RAW_PAGES
from tests.support.cli import mti
from tests.support.worlds import two_tenants

DATA = "mti-data"
"""The folder of an embedded stack, as the pages call it."""


@asynccontextmanager
async def example(folder: Path) -> AsyncIterator[Stage]:
    """The example of a tenants file, with its secrets in the environment."""
    shutil.copy(ROOT / "tenants.example.yaml", folder / "tenants.yaml")
    names = re.findall(r"env:([A-Z0-9_]+)", (folder / "tenants.yaml").read_text())
    layout = Layout(folder / DATA)
    layout.make()
    layout.remember(LastRun(tenants=folder / "tenants.yaml"))
    yield Stage(folder, environment=dict.fromkeys(names, "a-value-of-a-secret"))


@asynccontextmanager
async def small(folder: Path) -> AsyncIterator[Stage]:
    """Less of everything."""
    less = "--tenants 30 --dead 2 --hanging 1 --throttled 1 --backlog 2000 --minutes 19"
    yield Stage(folder, texts={"mti simulate": f"mti simulate {less}", "--demo 1000": "--demo 300"})


@asynccontextmanager
async def somewhere(folder: Path) -> AsyncIterator[Stage]:
    """An empty folder, and free ports."""
    yield Stage(folder, texts={"--port 5672": "--port 0", "--http-port 5300": "--http-port 0"})


@asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[Stage]:
    """A tenants file whose servers answer, on this machine."""
    async with Simulators(two_tenants(detections=30)) as world:
        secrets = world.write_tenants(folder / "tenants.yaml")
        texts = {"--tenants tenants.yaml": "--tenants tenants.yaml --allow-loopback"}
        yield Stage(folder, environment=secrets, texts=texts)


@asynccontextmanager
async def dead(folder: Path) -> AsyncIterator[Stage]:
    """Dead letters of the reasons that the page names, and a new one for each block that names `4711`."""
    layout = Layout(folder / DATA)
    layout.make()
    made = iter(range(10_000))

    def chunks(count: int, reason: str) -> None:
        bury(layout.root, RAW_PAGES, [page(f"{reason}/{next(made)}") for _ in range(count)], reason)

    async def new() -> str:
        await asyncio.to_thread(chunks, 1, "Bug")
        shown = await mti("dlq", "show", "--reason", "Bug", "--data", layout.root, "--json")
        return str(shown.document["messages"][-1]["sequence"])

    # Numbers are of a queue or subscription: this many here, so that none of the others' is the new one's.
    await asyncio.to_thread(chunks, 5, "NoPattern")
    for reason in ("NotRouted", "UnknownDestination"):
        await asyncio.to_thread(bury, layout.root, INDICATORS, [batch(reason)], reason)
    yield Stage(folder, placeholders={"4711": new})


@asynccontextmanager
async def members(folder: Path) -> AsyncIterator[Stage]:
    """The members' `pyproject.toml`."""
    for path in ROOT.glob("*/*/pyproject.toml"):
        (copy := folder / path.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(path, copy)
    yield Stage(folder)


STAGES: dict[str, Callable[[Path], AbstractAsyncContextManager[Stage]]] = {
    "README.md": simulated,
    "docs/dead-letters.md": dead,
    "docs/fairness.md": small,
    "docs/releasing.md": members,
    "docs/simulated-sentinel.md": small,
    "docs/tenants.md": example,
}
"""By page; an empty folder for the others."""

"""Several normalizers on one backlog, against one: real processes on one namespace and one store.

Chunks of several sources lie in `raw-pages`, with the repeats of a real feed. How fast they go by the clock says how
many cores there are and who else wants them, so that stands beside the figure and is not it. The figure is Amdahl's law
over processor time: what a chunk takes all normalizers together is shared out, but for the write transactions of the
store, of which there is one at a time; and the namespace, which is one process, is no faster for it.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import psutil
import yaml

from mti.common.adapters.servicebus import ServiceBus
from mti.common.ports.bus import Outgoing
from mti.common.topology import STANDARD
from mti.simulators import FeedSpec, generate
from mti.simulators.feed.stix import bundle
from servicebus_local import NamespaceProcess
from tests.bench.bench_fetcher import messages
from tests.bench.floor import WHEN
from tests.bench.normalizer_process import Moment
from tests.bench.results import quick, report
from tests.support.bus import counts, left_in

SOURCES = 8
CHUNK = 400
PROCESSES = (1, 2, 4)
WARM = 0.25
"""The part of the backlog that is handled before anything counts."""
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a chunk took while all processes were at work, in seconds."""

    processes: int
    wall: float
    processor: float
    """Of all normalizers together."""
    held: float
    """Processor time for which one of them had the store's write transaction; it is in `processor` too."""
    namespace: float
    """Processor time of the namespace."""

    def on(self, cores: int) -> float:
        """Return the seconds from one chunk to the next with so many cores for them and the namespace, on paper."""
        apart = self.held + (self.processor - self.held) / self.processes
        return max(apart, self.namespace, (self.processor + self.namespace) / cores)


async def main() -> None:
    """Let one, two and four normalizers work off the same backlog, by turns."""
    chunks, runs = (20, 1) if quick() else (60, 3)
    backlog = backlog_of(chunks)
    rounds = [[await worked_off(backlog, processes) for processes in PROCESSES] for _ in range(runs)]
    one, two, four = (list(paces) for paces in zip(*rounds, strict=True))
    report(
        "two_normalizers_vs_one",
        _ratios(one, two, cores=3),
        four_vs_one=statistics.median(_ratios(one, four, cores=5)),
        two_vs_one_where_the_namespace_shares_their_cores=statistics.median(_ratios(one, two, cores=2)),
        two_vs_one_by_the_clock=statistics.median(_ratios(one, two)),
        four_vs_one_by_the_clock=statistics.median(_ratios(one, four)),
        cores_of_this_machine=len(os.sched_getaffinity(0)),
        load_average=os.getloadavg()[0],
        **_milliseconds("one", one),
        **_milliseconds("two", two),
        **_milliseconds("four", four),
    )


def _ratios(one: Sequence[Pace], several: Sequence[Pace], *, cores: int | None = None) -> list[float]:
    """Return how many times faster several were in each round: on so many cores, or by the clock."""
    pairs = zip(one, several, strict=True)
    if cores is None:
        return [alone.wall / each.wall for alone, each in pairs]
    return [alone.on(cores) / each.on(cores) for alone, each in pairs]


def _milliseconds(name: str, paces: Sequence[Pace]) -> dict[str, float]:
    return {
        f"{what}_ms_a_chunk_of_{name}": 1000 * statistics.median(getattr(pace, what) for pace in paces)
        for what in ("wall", "processor", "held", "namespace")
    }


def backlog_of(chunks: int) -> Sequence[Outgoing]:
    """Return so many chunks of each source, by turns, as the fetcher sends them."""
    by_source = []
    for number in range(SOURCES):
        detections = list(generate(FeedSpec(seed=number, detections=chunks * CHUNK), WHEN))
        by_source.append(messages(bundle(detections, f"{number:02x}" * 16), f"t{number}/malware_customer"))
    return [message for each in zip(*by_source, strict=True) for message in each]


def tenants() -> str:
    """Return the tenants file of the sources, each with a workspace of its own."""
    mimecast = {"api": "2.0", "region": "eu", "client_id": "env:ID", "client_secret": "env:SECRET"}
    its = [
        {
            "id": f"t{number}",
            "mimecast": mimecast,
            "feeds": ["malware_customer"],
            "destinations": [{"workspace_id": f"00000000-0000-4000-8000-{number:012}", "auth": "managed_identity"}],
        }
        for number in range(SOURCES)
    ]
    return yaml.safe_dump({"tenants": its})


async def worked_off(backlog: Sequence[Outgoing], processes: int) -> Pace:
    """Return what a chunk took so many normalizers, on a namespace and a store of their own."""
    with tempfile.TemporaryDirectory() as name, as_file(files("mti.stack") / "Config.json") as config:
        folder = Path(name)
        (folder / "tenants.yaml").write_text(tenants())
        async with NamespaceProcess(config, folder / "bus") as namespace:
            bus = ServiceBus.from_connection_string(namespace.connection_string)
            await bus.sender(STANDARD.pages).send(backlog)
            await bus.close()
            before = _processor_seconds_of_namespace()
            environment = {
                **os.environ,
                "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
                "MTI_STORE": f"sqlite:{folder / 'normalizer.db'}",
                "MTI_TENANTS_FILE": str(folder / "tenants.yaml"),
            }
            started = [await _started(environment, folder / f"{number}.jsonl") for number in range(processes)]
            await _until_empty(namespace, started)
            taken = _processor_seconds_of_namespace() - before
            moments = [await _ended(process) for process in started]
    return pace_of(moments, taken / len(backlog))


def pace_of(moments: Sequence[Sequence[Moment]], namespace: float) -> Pace:
    """Return what a chunk took once every process had handled one, and all of them a part of the backlog.

    Args:
        moments: of each process, which has handled some of the rest, too.
        namespace: processor seconds of it for each chunk.
    """
    all_of_them = sorted(moment.at for each in moments for moment in each)
    since = max(all_of_them[int(WARM * len(all_of_them))], *(each[0].at for each in moments))
    working = [[moment for moment in each if moment.at >= since] for each in moments]
    spans = [(each[0], each[-1]) for each in working]
    chunks = sum(len(each) - 1 for each in working)
    return Pace(
        processes=len(moments),
        wall=(max(last.at for _, last in spans) - since) / chunks,
        processor=sum(last.processor - first.processor for first, last in spans) / chunks,
        held=sum(last.held - first.held for first, last in spans) / chunks,
        namespace=namespace,
    )


async def _started(environment: dict[str, str], log: Path) -> Process:
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.normalizer_process", env=environment, stdout=PIPE, stderr=out
        )


async def _ended(process: Process) -> list[Moment]:
    process.terminate()
    out, _ = await process.communicate()
    moments = [Moment(*each) for each in json.loads(out)]
    if not moments:
        raise SystemExit("a normalizer handled nothing: the backlog is too short")
    return moments


async def _until_empty(namespace: NamespaceProcess, started: Sequence[Process]) -> None:
    while await left_in(namespace, STANDARD.pages):
        if any(process.returncode is not None for process in started):
            raise SystemExit("a normalizer ended by itself")
        await asyncio.sleep(LOOK_SECONDS)
    if (await counts(namespace, STANDARD.pages.path))["dead_letter"]:
        raise SystemExit("chunks are dead letters")


def _processor_seconds_of_namespace() -> float:
    [found] = [each for each in psutil.Process().children() if "servicebus_local" in each.cmdline()]
    times = found.cpu_times()
    return float(times.user + times.system)

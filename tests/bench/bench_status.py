"""`mti status` as a whole command, on the folder of a thousand tenants against that of ten: processor time.

Nothing runs on the folder, so that the command reads the namespace's own files, and its output goes into a pipe: every
row is written. On a terminal twenty of a table are.
"""

import tempfile
from pathlib import Path

from tests.bench.bench_startup import cpu
from tests.bench.results import quick, report
from tests.support.cli import MTI
from tests.support.estates import made

FEW, MANY = 10, 1_000


async def main() -> None:
    """Measure the command in both of its forms."""
    with tempfile.TemporaryDirectory() as root:
        folders = [(await made(_folder(Path(root), tenants), tenants)).data for tenants in (FEW, MANY)]
        runs = 1 if quick() else 7
        for name, words in (("status", ()), ("status_json", ("--json",))):
            small, large = cpu(*([MTI, "status", *words, "--data", str(data)] for data in folders), runs=runs)
            report(
                f"{name}_1000_vs_10",
                [large / small],
                processor_milliseconds_at_1000=large,
                processor_milliseconds_at_10=small,
            )


def _folder(root: Path, tenants: int) -> Path:
    folder = root / str(tenants)
    folder.mkdir()
    return folder

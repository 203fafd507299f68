"""The claims of `docs/performance.md`, as a table that a run of the benchmarks is held against."""

import json
import operator
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.results import Result

ROW = re.compile(r"^\| `(?P<name>[a-z0-9_]+)` \| (?P<sign>≤|≥) (?P<bound>[0-9.]+) \|", re.MULTILINE)
HOLDS: Mapping[str, Callable[[float, float], bool]] = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Claim:
    """One row of the table: the median under this name is at most, or at least, this."""

    name: str
    sign: str
    bound: float


def read(page: str) -> Sequence[Claim]:
    """Return the claims of the page: its rows that open with a name in code and a bound."""
    return [Claim(row["name"], row["sign"], float(row["bound"])) for row in ROW.finditer(page)]


def failures(claims: Sequence[Claim], results: Mapping[str, Result], *, all_ran: bool) -> Iterator[str]:
    """Yield a sentence for each claim that does not hold; one that was not measured fails when every benchmark ran."""
    for claim in claims:
        result = results.get(claim.name)
        if result is None:
            if all_ran:
                yield f"{claim.name} was not measured"
        elif not HOLDS[claim.sign](result.median, claim.bound):
            yield f"{claim.name} is {result.median:.3g}, claimed is {claim.sign} {claim.bound:g}"


def write(path: Path, results: Mapping[str, Result], *, quick: bool) -> None:
    """Write what was found beside the machine it was found on: medians by name first, then the runs and raw figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        **{name: result.median for name, result in results.items()},
        "quick": quick,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "details": {name: result.document() for name, result in results.items()},
    }
    path.write_text(json.dumps(document, indent=2) + "\n")

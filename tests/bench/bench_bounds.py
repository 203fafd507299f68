"""What must not grow with what others send or with the number of tenants: each against its small case."""

from mti.common.logs import Redaction
from mti.fetcher.mimecast import table
from tests.bench.timing import line, rate

HEADER = "timestamp|name|sha256\n"


async def main() -> None:
    """Measure log lines with many secrets, and rows that are all quotes."""
    text = "the source contoso/malware_customer is paused: Mimecast refused the call (401 nobody)" * 3
    few, many = redaction(3), redaction(3000)
    baseline = rate(lambda: [few.apply(text) for _ in range(200)], 200)
    line("redaction: 3 secrets (baseline)", baseline, "lines/s")
    line("redaction: 3,000 secrets", rate(lambda: [many.apply(text) for _ in range(200)], 200), "lines/s", baseline)
    small, large = rows(4 * 1024), rows(32 * 1024)
    baseline = rate(lambda: [table.rows_of(small, 3) for _ in range(8)], 8 * len(small))
    line("a row of quotes, 4 KiB (baseline)", baseline, "characters/s")
    line("a row of quotes, 32 KiB", rate(lambda: table.rows_of(large, 3), len(large)), "characters/s", baseline)


def redaction(secrets: int) -> Redaction:
    found = Redaction()
    for number in range(secrets):
        found.add(f"{number:06}-secret-of-a-tenant")
    return found


def rows(size: int) -> str:
    return HEADER + '"a|' * (size // 3) + "\n"

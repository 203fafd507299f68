"""Sightings that some parsers read and others do not, in both file forms."""

from collections.abc import Sequence
from random import Random
from uuid import UUID

from mti.simulators.feed import Detection
from mti.simulators.feed.stix import pattern_of
from mti.simulators.feed.table import row_of
from mti.simulators.mimecast.plan import Odd
from mti.simulators.times import in_millis

_AHEAD_MS = 4_080_000_000_000
"""In the year 2099."""
_EXTRA = {
    Odd.NESTED_200: f'"x_nested":{"[" * 200}{"]" * 200}',
    Odd.NESTED_260: f'"x_nested":{"[" * 260}{"]" * 260}',
    Odd.NESTED_2000: f'"x_nested":{"[" * 2000}{"]" * 2000}',
    Odd.INFINITE: '"x_score":1e999',
    Odd.NOT_A_NUMBER: '"x_score":NaN',
    Odd.LONG_INTEGER: f'"x_score":{"9" * 5000}',
    Odd.UNQUOTED: '"name":"the "newest" invoice"',
    Odd.LONE_SURROGATE: '"name":"half a face \\ud83d"',
    Odd.DOUBLE_KEY: '"labels":["malicious-activity"]',
    Odd.AHEAD: '"x_note":"from the future"',
}


def odd_object(kind: Odd, of: Detection, rng: Random) -> str:
    """Return the JSON of one more indicator for a detection's file; `rng` gives it an id."""
    when = in_millis(_AHEAD_MS if kind is Odd.AHEAD else of.seen_ms)
    id = UUID(int=rng.getrandbits(128), version=4)
    return (
        f'{{"type":"indicator","id":"indicator--{id}","created":"{when}","modified":"{when}","valid_from":"{when}",'
        f'"labels":["malicious-activity"],"pattern":"{pattern_of(of)}",{_EXTRA[kind]}}}'
    )


def odd_row(kind: Odd, of: Detection, columns: Sequence[str]) -> str | None:
    """Return one more row for a detection's file; `None` for what no row can be."""
    return row_of(of._replace(seen_ms=_AHEAD_MS), columns) if kind is Odd.AHEAD else None

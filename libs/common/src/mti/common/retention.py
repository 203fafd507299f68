"""How long what is known of an indicator is kept. The normalizer and the publisher keep it alike, so that the
reconciliation never finds one side's memory without the other's.
"""

from datetime import datetime, timedelta
from typing import Final

KEEP_AFTER: Final = timedelta(days=90)
"""How long an indicator is remembered beyond its validity, so that an old dead letter replayed still finds it
overtaken."""

_DAY: Final = 24 * 60 * 60
_KEEP_SECONDS: Final = KEEP_AFTER.days * _DAY
LONGEST_TTL: Final = 2**31 - 1
"""Seconds, what Cosmos DB takes (https://learn.microsoft.com/azure/cosmos-db/time-to-live)."""


def time_to_live(valid_until: datetime, now: datetime) -> int:
    """Return the seconds that a document of an indicator is to live from now on."""
    left = valid_until - now
    if left.days < 0:
        return _KEEP_SECONDS
    return min(LONGEST_TTL, left.days * _DAY + left.seconds + (left.microseconds > 0) + _KEEP_SECONDS)

"""How long what is known of an indicator is kept. The normalizer and the publisher keep it alike, so that the
reconciliation never finds one side's memory without the other's.
"""

import math
from datetime import datetime, timedelta
from typing import Final

KEEP_AFTER: Final = timedelta(days=90)
"""How long an indicator is remembered beyond its validity, so that an old dead letter replayed still finds it
overtaken."""

LONGEST_TTL: Final = 2**31 - 1
"""Seconds, what Cosmos DB takes (https://learn.microsoft.com/azure/cosmos-db/time-to-live)."""


def time_to_live(valid_until: datetime, now: datetime) -> int:
    """Return the seconds that a document of an indicator is to live from now on."""
    until = max(valid_until, now) + KEEP_AFTER
    return min(LONGEST_TTL, math.ceil((until - now) / timedelta(seconds=1)))

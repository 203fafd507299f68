"""What others say, fit to be kept: the one place where words of a server become a part of a text of ours.

Such texts go far: into a pause, a dead letter, a store, a log and onto a screen, and into processes that never knew
the secret. So they are made fit here, where the process knows what it sent, and before anything is cut off: a secret
that is cut in half is not found any more.
"""

from typing import Final

from mti.common.logs import redaction
from mti.common.secret_forms import without_shapes

LIMIT: Final = 500
"""Characters of somebody's words that are kept."""


def without_secrets(text: str) -> str:
    """Return the text without the secrets that this process knows, and without what has the shape of one."""
    return without_shapes(redaction.apply(text))


def words_of_others(text: str, limit: int = LIMIT) -> str:
    """Return what somebody said: without secrets, on one line, and no longer than `limit`."""
    return " ".join(without_secrets(text).split())[:limit]

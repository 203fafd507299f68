"""Microsoft Sentinel's upload API: the call, its answers and the tokens for it."""

from mti.publisher.sentinel.answers import (
    Accepted,
    Answer,
    BadRequest,
    Blocked,
    Forbidden,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
    read_answer,
)
from mti.publisher.sentinel.client import SentinelClient, TokenSource
from mti.publisher.sentinel.tokens import Tokens, TokenUnavailable

__all__ = [
    "Accepted",
    "Answer",
    "BadRequest",
    "Blocked",
    "Forbidden",
    "NotFound",
    "RateLimited",
    "SentinelClient",
    "TokenSource",
    "TokenUnavailable",
    "Tokens",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "read_answer",
]

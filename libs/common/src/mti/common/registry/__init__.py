"""Who the tenants are, what is fetched for them and where it goes."""

from mti.common.registry.model import (
    Destination,
    Feed,
    FeedFormat,
    IndicatorPolicy,
    MimecastAccount,
    MimecastApi,
    NamePolicy,
    Registry,
    Route,
    SentinelAuth,
    Source,
    TestFilePolicy,
    Tlp,
)

__all__ = [
    "Destination",
    "Feed",
    "FeedFormat",
    "IndicatorPolicy",
    "MimecastAccount",
    "MimecastApi",
    "NamePolicy",
    "Registry",
    "Route",
    "SentinelAuth",
    "Source",
    "TestFilePolicy",
    "Tlp",
]

"""A simulator of the Mimecast API, as far as the threat-intelligence feed and the response to it need it."""

from mti.simulators.mimecast.plan import Endpoint, Garbage, MimecastFault, MimecastFaultKind, Odd
from mti.simulators.mimecast.server import MimecastSimulator
from mti.simulators.mimecast.settings import (
    Account,
    AccountV1,
    AccountV2,
    CallLimit,
    EmptyFeed,
    Encoding,
    LastPage,
    LimitHeaders,
    Mailed,
    MimecastSettings,
    Packing,
    ResetForm,
)

__all__ = [
    "Account",
    "AccountV1",
    "AccountV2",
    "CallLimit",
    "EmptyFeed",
    "Encoding",
    "Endpoint",
    "Garbage",
    "LastPage",
    "LimitHeaders",
    "Mailed",
    "MimecastFault",
    "MimecastFaultKind",
    "MimecastSettings",
    "MimecastSimulator",
    "Odd",
    "Packing",
    "ResetForm",
]

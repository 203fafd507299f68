"""A simulator of the Mimecast API, as far as the threat-intelligence feed needs it."""

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
    "MimecastFault",
    "MimecastFaultKind",
    "MimecastSettings",
    "MimecastSimulator",
    "Odd",
    "Packing",
    "ResetForm",
]

"""A simulator of the Mimecast API, as far as the threat-intelligence feed needs it."""

from mti.local.simulators.mimecast.plan import Endpoint, Garbage, MimecastFault, MimecastFaultKind, Odd
from mti.local.simulators.mimecast.server import MimecastSimulator
from mti.local.simulators.mimecast.settings import (
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

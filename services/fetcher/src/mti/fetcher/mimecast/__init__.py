"""The client of Mimecast's threat-intelligence feed, on API 1.0 and API 2.0.

It makes one request a call, never waits and never tries again by itself: what goes wrong is a `Retry` or a `Pause`
whose sentence names the source, the tenant and the cure. The feed's documentation is at
https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/.
"""

from mti.fetcher.mimecast.client import FeedAnswer, MimecastClient
from mti.fetcher.mimecast.clients import MimecastClients
from mti.fetcher.mimecast.exchange import HttpLimits
from mti.fetcher.mimecast.model import FeedFile, FeedPage, FeedRequest
from mti.fetcher.mimecast.refusals import NoAnswer, PartlyUnreadable, TokenRefused, subject_of

__all__ = [
    "FeedAnswer",
    "FeedFile",
    "FeedPage",
    "FeedRequest",
    "HttpLimits",
    "MimecastClient",
    "MimecastClients",
    "NoAnswer",
    "PartlyUnreadable",
    "TokenRefused",
    "subject_of",
]

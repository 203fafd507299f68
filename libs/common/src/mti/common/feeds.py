"""What Mimecast's feeds are called, and the forms in which they come."""

from enum import StrEnum


class Feed(StrEnum):
    """Mimecast's two threat-intelligence feeds, by the names that get-feed takes."""

    MALWARE_CUSTOMER = "malware_customer"
    """What one account was sent."""
    MALWARE_GRID = "malware_grid"
    """What a whole region was sent: the same for every account of the region."""


class FeedFormat(StrEnum):
    """The file type that get-feed is asked for."""

    STIX = "stix"
    CSV = "csv"

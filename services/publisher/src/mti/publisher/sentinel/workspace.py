"""What people call a destination."""

from mti.common.registry import Destination

CREDENTIALS_REFUSED = "CredentialsRefused"


def label(destination: Destination) -> str:
    """Return how a destination is named to people: by its workspace's id and its tenants."""
    return f"workspace {destination.id} of {', '.join(destination.tenants)}"

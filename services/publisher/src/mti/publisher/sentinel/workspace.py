"""What people call a destination, and what its credential is made of."""

from mti.common.registry import Destination
from mti.common.registry.references import is_reference

CREDENTIALS_REFUSED = "CredentialsRefused"


def label(destination: Destination) -> str:
    """Return how a destination is named to people: by its workspace's id and its tenants."""
    return f"workspace {destination.id} of {', '.join(destination.tenants)}"


def references(destination: Destination) -> tuple[str, ...]:
    """Return the references that the destination's credential is made of."""
    fields = (destination.client_id, destination.client_secret, destination.certificate)
    return tuple(field for field in fields if field and is_reference(field))

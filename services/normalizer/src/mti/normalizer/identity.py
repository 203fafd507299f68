"""The id of an indicator: a name-based UUID of its observable, the same in every workspace, on every try, for ever.

::

    id   = "indicator--" + UUIDv5(NAMESPACE, name)
    name = KEY "=" VALUE            for generation 0
    name = KEY "=" VALUE "#" n      for generation n > 0

KEY and VALUE are those of the canonical observable, in UTF-8: `file:hashes.'SHA-256'=275a021b…fd0f`. Neither tenant
nor feed nor region is in it. A generation above 0 is for an observable that comes back after its indicator was
withdrawn: an id that was revoked must not be used again.
"""

from typing import Final
from uuid import UUID, uuid5

from mti.normalizer.parsing import Observable

NAMESPACE: Final = UUID("c504ebfa-ff39-476c-ab1c-fb8784845d50")
"""Of this project's indicators. Changing it would give every indicator a second id."""


def indicator_id(observable: Observable, generation: int = 0) -> str:
    """Return the STIX id of the indicator for an observable."""
    name = f"{observable.key}={observable.value}"
    if generation:
        name = f"{name}#{generation}"
    return f"indicator--{uuid5(NAMESPACE, name)}"

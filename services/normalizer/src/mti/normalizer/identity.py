"""The id of an indicator by its observable; how it is made is said in `mti.common.contracts.identity`."""

from mti.common.contracts import generation_id
from mti.normalizer.parsing import Observable


def indicator_id(observable: Observable, generation: int = 0) -> str:
    """Return the STIX id of the indicator for an observable: its own, unless another generation is asked for."""
    return generation_id(observable.key, observable.value, generation)

"""Lifts a withdrawal: the observable may come back, under an id of the next generation."""

from dataclasses import asdict, dataclass

from pydantic import JsonValue

from mti.common.errors import ConfigurationError, StoreUnavailable, WriteConflict
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.normalizer.identity import indicator_id
from mti.normalizer.known import CONTAINER as KNOWN
from mti.normalizer.parsing import Observable
from mti.normalizer.withdrawals import Withdrawals


@dataclass(frozen=True, slots=True)
class Lifted:
    """What the next sighting will be."""

    observable: str
    generation: int
    id: str

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return asdict(self)


async def lift(normalizer: Store, observable: Observable, clock: Clock) -> Lifted:
    """Lift the withdrawal of an observable, for everyone and every source. Nothing is sent before it is seen again.

    Raises:
        ConfigurationError: it is not withdrawn.
        StoreUnavailable: somebody else changes it at this moment.
    """
    try:
        generation = await Withdrawals(normalizer.container(KNOWN)).lift(observable, clock.now())
    except WriteConflict:
        raise StoreUnavailable("somebody else changes this withdrawal at this moment; try again") from None
    if generation is None:
        raise ConfigurationError(f"{observable.value} is not withdrawn, so there is nothing to lift")
    return Lifted(observable.value, generation, indicator_id(observable, generation))

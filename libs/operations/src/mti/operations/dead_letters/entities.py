"""The queues and subscriptions of the project that have dead letters, and what each carries."""

from dataclasses import dataclass

from mti.common.adapters.servicebus import Address
from mti.common.contracts import Contract, FetchJob, IndicatorBatch, PageChunk
from mti.common.settings import BusSettings


@dataclass(frozen=True, slots=True)
class Entity:
    """A queue or a subscription."""

    address: Address
    contract: type[Contract]
    """What its messages carry."""

    @property
    def path(self) -> str:
        """The path as the portal shows it: `raw-pages/subscriptions/normalizer`."""
        return str(self.address)

    @property
    def counted(self) -> bool:
        """Whether the services' books count what its messages hold."""
        return self.contract is not FetchJob

    @property
    def names(self) -> frozenset[str]:
        """Every name that a person may call it by: path, queue or topic, subscription, and `raw-pages/normalizer`."""
        entity, subscription = self.address.entity, self.address.subscription
        found = {self.path, entity}
        if subscription is not None:
            found |= {subscription, f"{entity}/{subscription}"}
        return frozenset(name.lower() for name in found)


def entities_of(settings: BusSettings) -> tuple[Entity, ...]:
    """Return the entities in the order of the flow."""
    return (
        Entity(Address(settings.fetch_jobs_queue), FetchJob),
        Entity(Address(settings.raw_pages_topic, settings.raw_pages_subscription), PageChunk),
        Entity(Address(settings.indicators_topic, settings.indicators_subscription), IndicatorBatch),
    )

"""Builds the normalizer from its ports: for a worker, for a host of functions, for a simulation."""

from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import RegistryProvider
from mti.normalizer.configuration import NormalizerSettings
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import CHECKPOINTS, HANDLED, KNOWN, KnownIndicators, Ledger, Offsets

__all__ = ["NormalizeHandler", "NormalizerSettings", "normalize_handler"]


def normalize_handler(
    registry: RegistryProvider, store: Store, clock: Clock, *, indicators: Sender, pages: Sender, to: str
) -> NormalizeHandler:
    """Return the handler of the normalizer.

    Args:
        registry: the tenants.
        store: the normalizer's.
        clock: the time, for how long documents live and how old an offset may be.
        indicators: to the topic of the publisher.
        pages: to the topic that chunks come through, for what is to be dead-lettered of one.
        to: the subscription of this service in that topic.
    """
    return NormalizeHandler(
        registry,
        Emitter(KnownIndicators(store.container(KNOWN), clock), indicators),
        Ledger(store.container(HANDLED)),
        Offsets(store.container(CHECKPOINTS), clock),
        pages=pages,
        to=to,
    )

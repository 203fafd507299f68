"""The topology as others read it: the local namespace, Microsoft's emulator, the templates for Azure."""

from datetime import timedelta
from typing import Any, Final

from mti.common.topology.entity import Entity
from mti.common.topology.topology import Topology

EMULATOR_DELIVERIES: Final = 10
"""Microsoft's emulator takes no higher MaxDeliveryCount
(https://github.com/Particular/NServiceBus.Transport.AzureServiceBus/pull/1331)."""
NEVER: Final = "P10675199DT2H48M5.4775807S"
"""How the service writes the time to live of what never expires."""

Json = dict[str, Any]


def config(topology: Topology, *, max_deliveries: int | None = None) -> Json:
    """Return the `Config.json` that the local namespace and Microsoft's emulator read.

    Args:
        topology: what there is to be.
        max_deliveries: a bound on MaxDeliveryCount, for a broker that has one (`EMULATOR_DELIVERIES`).
    """
    queues: list[Json] = []
    topics: list[Json] = []
    for entity in (*topology.entities, topology.set_aside):
        kept = _pascal({**_kept(entity, max_deliveries), **_living(entity)})
        duplicates = _pascal(_duplicates(entity))
        if entity.subscription is None:
            queues.append({"Name": entity.name, "Properties": kept | duplicates})
            continue
        rules = [
            {"Name": name, "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"To": to}}}
            for name, to in (("all", "*"), ("aimed", entity.to))
        ]
        subscription = {"Name": entity.subscription, "Properties": kept, "Rules": rules}
        topics.append({"Name": entity.name, "Properties": duplicates, "Subscriptions": [subscription]})
    namespace = {"Name": "sbemulatorns", "Queues": queues, "Topics": topics}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}}


def template(topology: Topology) -> Json:
    """Return what a Bicep template loads: queues and topics whose `properties` are those of Microsoft.ServiceBus.

    The first rule of a subscription bears the name of the one that the service makes by itself, which lets everything
    in, and so takes its place. `entities` says by the words of the flow what each is called, for whoever refers to it.
    """
    queues: list[Json] = []
    topics: list[Json] = []
    for entity in (*topology.entities, topology.set_aside):
        kept = {**_kept(entity, None), "deadLetteringOnMessageExpiration": True}
        living = {"defaultMessageTimeToLive": NEVER, **_living(entity)}
        if entity.subscription is None:
            queues.append({"name": entity.name, "properties": {**kept, **living, **_duplicates(entity)}})
            continue
        rules = [
            {"name": name, "properties": {"filterType": "CorrelationFilter", "correlationFilter": {"to": to}}}
            for name, to in (("$Default", "*"), ("aimed", entity.to))
        ]
        properties = {**kept, **living, "deadLetteringOnFilterEvaluationExceptions": True}
        subscription = {"name": entity.subscription, "properties": properties, "rules": rules}
        topic = {"name": entity.name, "properties": {**living, **_duplicates(entity)}, "subscriptions": [subscription]}
        topics.append(topic)
    named = {"jobs": topology.jobs, "pages": topology.pages, "indicators": topology.indicators}
    entities = {word: _named(entity) for word, entity in named.items()}
    return {"queues": queues, "topics": topics, "entities": entities, "setAside": topology.set_aside.name}


def _kept(entity: Entity, max_deliveries: int | None) -> Json:
    """Return how a queue or subscription keeps its messages, by the names of Microsoft.ServiceBus."""
    deliveries = entity.max_delivery_count
    return {
        "lockDuration": _duration(entity.lock),
        "maxDeliveryCount": deliveries if max_deliveries is None else min(deliveries, max_deliveries),
        "requiresSession": entity.sessions,
    }


def _living(entity: Entity) -> Json:
    return {} if entity.time_to_live is None else {"defaultMessageTimeToLive": _duration(entity.time_to_live)}


def _duplicates(entity: Entity) -> Json:
    return {
        "requiresDuplicateDetection": True,
        "duplicateDetectionHistoryTimeWindow": _duration(entity.duplicates),
    }


def _named(entity: Entity) -> Json:
    return {
        "name": entity.name,
        "subscription": entity.subscription,
        "path": entity.path,
        "to": entity.to,
        "contract": entity.contract.TYPE,
    }


def _pascal(properties: Json) -> Json:
    """Return the properties by their names in `Config.json`."""
    return {name[0].upper() + name[1:]: value for name, value in properties.items()}


def _duration(span: timedelta) -> str:
    """Return an ISO 8601 duration of whole seconds: `PT5M`, `PT90S`."""
    seconds = round(span.total_seconds())
    return f"PT{seconds // 60}M" if seconds % 60 == 0 else f"PT{seconds}S"

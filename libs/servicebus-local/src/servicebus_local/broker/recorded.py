"""What the administration has changed, as it is kept in the storage.

Config.json is the initial state. What is created, changed or deleted afterwards is recorded and goes before what the
file says of the same entity; an entity that nobody touched follows the file.
"""

import json
from typing import Any

from servicebus_local.broker.catalogue import Catalogue, subscription_path
from servicebus_local.broker.nodes import AnyNode, SubscriptionNode
from servicebus_local.config import NamespaceConfig
from servicebus_local.entities import DEFAULT_RULE, QueueConfig, SubscriptionConfig, TopicConfig
from servicebus_local.storage.store import Store

_DELETED = "null"


class RecordedEntities:
    """Descriptions of entities by their paths."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self, config: NamespaceConfig, catalogue: Catalogue, now: int) -> None:
        """Fill the catalogue with what the file says, and with what was recorded since."""
        recorded = {path: json.loads(document) for path, document in self._store.tables.entities()}
        for queue in config.queues:
            if queue.name.lower() not in recorded:
                catalogue.add_queue(queue, now, now)
        for topic in config.topics:
            if topic.name.lower() not in recorded:
                catalogue.add_topic(topic, now, now)
        documents = [each for each in recorded.values() if each is not None]
        for each in sorted(documents, key=lambda each: each["kind"] == "SubscriptionNode"):
            _load_recorded(each, catalogue)
        for topic in config.topics:
            if (parent := catalogue.topics.get(topic.name.lower())) is None:
                continue
            for subscription in topic.subscriptions:
                if subscription_path(topic.name, subscription.name).lower() not in recorded:
                    catalogue.add_subscription(parent, _with_rules(subscription), now, now)

    def write(self, node: AnyNode) -> None:
        """Record an entity as it is now, with all that was written before."""
        topic = node.path.rpartition("/subscriptions/")[0] if isinstance(node, SubscriptionNode) else None
        times = [node.created_at, node.updated_at]
        record = {"kind": type(node).__name__, "topic": topic, "times": times, "config": node.config.document}
        self._store.writes.entities.append((node.path.lower(), json.dumps(record)))
        self._store.commit()

    def delete(self, nodes: list[AnyNode]) -> None:
        """Record that entities are gone, and delete their messages."""
        for node in nodes:
            self._store.writes.dropped.extend(queue.id for queue in node.queues)
            self._store.writes.entities.append((node.path.lower(), _DELETED))
        self._store.commit()


def _load_recorded(document: dict[str, Any], catalogue: Catalogue) -> None:
    kind, times = document["kind"], document["times"]
    if kind == "QueueNode":
        catalogue.add_queue(QueueConfig.model_validate(document["config"]), *times)
    elif kind == "TopicNode":
        catalogue.add_topic(TopicConfig.model_validate(document["config"]), *times)
    elif (topic := catalogue.topics.get(document["topic"].lower())) is not None:
        catalogue.add_subscription(topic, SubscriptionConfig.model_validate(document["config"]), *times)


def _with_rules(config: SubscriptionConfig) -> SubscriptionConfig:
    return config if config.rules else config.model_copy(update={"rules": (DEFAULT_RULE,)})

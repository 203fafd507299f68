"""Which entities nobody uses: https://learn.microsoft.com/azure/service-bus-messaging/message-expiration#idleness."""

from servicebus_local.broker.nodes import QueueNode, SubscriptionNode, TopicNode

AnyNode = QueueNode | TopicNode | SubscriptionNode


def is_in_use(node: AnyNode) -> bool:
    """Whether somebody is attached, or messages are forwarded or wait for their time; of a topic, anywhere below it."""
    attached = any(part.receivers or part.senders for part in node.parts)
    forwards = not isinstance(node, TopicNode) and node.queue.settings.forward_to is not None
    return attached or forwards or node.counts["scheduled"] > 0 or any(is_in_use(each) for each in _below(node))


def last_use(node: AnyNode) -> int:
    """When somebody last sent, received, peeked or changed it, in milliseconds since the epoch."""
    own = (node.used_at, node.updated_at, *(queue.accessed_at for queue in node.queues))
    return max(*own, *(last_use(each) for each in _below(node)))


def _below(node: AnyNode) -> list[SubscriptionNode]:
    return list(node.subscriptions.values()) if isinstance(node, TopicNode) else []

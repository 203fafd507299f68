"""Rules of subscriptions, read and changed."""

from collections.abc import Mapping
from typing import Any

from servicebus_local.broker.catalogue import Catalogue
from servicebus_local.broker.entity_changes import EntityChanges
from servicebus_local.broker.nodes import SubscriptionNode
from servicebus_local.entities import RuleConfig
from servicebus_local.errors import EntityExists, EntityNotFound

Rules = tuple[RuleConfig, ...]


class RuleChanges:
    """All rules of a namespace."""

    def __init__(self, catalogue: Catalogue, changes: EntityChanges) -> None:
        self._catalogue = catalogue
        self._changes = changes

    def get(self, topic: str, subscription: str, name: str) -> tuple[SubscriptionNode, RuleConfig]:
        """One rule, and whose it is. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        return node, _existing(node, name)

    def all(self, topic: str, subscription: str) -> tuple[SubscriptionNode, Rules]:
        """All rules of a subscription, and which that is. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        return node, node.config.rules

    def put(
        self, topic: str, subscription: str, document: Mapping[str, Any], *, update: bool
    ) -> tuple[SubscriptionNode, RuleConfig]:
        """Create a rule, or replace one.

        Raises `EntityNotFound`, `EntityExists`, or `pydantic.ValidationError` when it is not a rule.
        """
        node = self._catalogue.subscription(topic, subscription)
        rule = RuleConfig.model_validate(document)
        if update:
            before = _existing(node, rule.name)
            rules = tuple(rule if each is before else each for each in node.config.rules)
        else:
            if any(each.name.lower() == rule.name.lower() for each in node.config.rules):
                raise EntityExists(f"{node.path}/rules/{rule.name}")
            rules = (*node.config.rules, rule)
        self._replace(topic, node, rules)
        return node, rule

    def delete(self, topic: str, subscription: str, name: str) -> None:
        """Delete a rule. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        gone = _existing(node, name)
        self._replace(topic, node, tuple(each for each in node.config.rules if each is not gone))

    def _replace(self, topic: str, node: SubscriptionNode, rules: Rules) -> None:
        self._changes.update_subscription(topic, node.config.model_copy(update={"rules": rules}))


def _existing(node: SubscriptionNode, name: str) -> RuleConfig:
    for rule in node.config.rules:
        if rule.name.lower() == name.lower():
            return rule
    raise EntityNotFound(f"{node.path}/rules/{name}")

"""Rules of subscriptions, looked at and changed."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from mti.local.namespace.administration.descriptions import rule_description
from mti.local.namespace.broker.catalogue import Catalogue
from mti.local.namespace.broker.nodes import SubscriptionNode
from mti.local.namespace.entities import RuleConfig
from mti.local.namespace.errors import EntityExists, EntityNotFound

Named = tuple[str, ET.Element]
"""A rule's name and its description in XML."""


class Rules:
    """All rules of a namespace."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, topic: str, subscription: str, name: str) -> Named:
        """One rule. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        return _named(node, _existing(node, name))

    def list(self, topic: str, subscription: str) -> list[Named]:
        """All rules of a subscription. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        return [_named(node, rule) for rule in node.config.rules]

    def put(self, topic: str, subscription: str, document: Mapping[str, Any], *, update: bool) -> Named:
        """Create a rule, or replace one. Raises `EntityNotFound` or `EntityExists`."""
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
        return _named(node, rule)

    def delete(self, topic: str, subscription: str, name: str) -> None:
        """Delete a rule. Raises `EntityNotFound`."""
        node = self._catalogue.subscription(topic, subscription)
        gone = _existing(node, name)
        self._replace(topic, node, tuple(each for each in node.config.rules if each is not gone))

    def _replace(self, topic: str, node: SubscriptionNode, rules: tuple[RuleConfig, ...]) -> None:
        self._catalogue.update_subscription(topic, node.config.model_copy(update={"rules": rules}))


def _existing(node: SubscriptionNode, name: str) -> RuleConfig:
    for rule in node.config.rules:
        if rule.name.lower() == name.lower():
            return rule
    raise EntityNotFound(f"{node.path}/rules/{name}")


def _named(node: SubscriptionNode, rule: RuleConfig) -> Named:
    return rule.name, rule_description(rule, node.created_at)

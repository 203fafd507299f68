"""Descriptions of entities: from XML to what `entities` validates, and from nodes to XML."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from servicebus_local.administration import atom
from servicebus_local.administration.atom import Document, add, fields, text_of
from servicebus_local.broker.nodes import AnyNode, QueueNode, SubscriptionNode, TopicNode
from servicebus_local.entities import AuthorizationRule, RuleConfig
from servicebus_local.filters import Scalar, TypedValue

_FOR_EVER = "P10675199DT2H48M5.4775807S"
_ENDLESS = ("AutoDeleteOnIdle", "DefaultMessageTimeToLive")
_OMITTED_WHEN_EMPTY = ("ForwardTo", "ForwardDeadLetteredMessagesTo", "UserMetadata")
_READ_ONLY = {
    "AccessedAt",
    "CorrelationFilterCount",
    "CountDetails",
    "CreatedAt",
    "DefaultRuleDescription",
    "EnableSubscriptionPartitioning",
    "EntityAvailabilityStatus",
    "IsAnonymousAccessible",
    "MessageCount",
    "SizeInBytes",
    "SqlFilterCount",
    "SubscriptionCount",
    "UpdatedAt",
}
"""What the client sends back as it got it, and nobody can set."""
_BOOLEAN_FILTERS = {"True": "1=1", "False": "1=0"}

# -- from XML


def properties_of(description: ET.Element) -> Document:
    """Return what a queue's, topic's or subscription's description sets."""
    document: Document = {}
    for name, element in fields(description):
        if name == "AuthorizationRules":
            document[name] = [_authorization(rule) for rule in element]
        elif name not in _READ_ONLY:
            document[name] = text_of(element)
    return document


def _authorization(rule: ET.Element) -> Document:
    document: Document = {
        name: [text_of(right) for right in element] if name == "Rights" else text_of(element)
        for name, element in fields(rule)
    }
    return document


def default_rule_of(description: ET.Element) -> Document | None:
    """Return the rule that a new subscription is to have instead of the one that takes everything."""
    rule = dict(fields(description)).get("DefaultRuleDescription")
    if rule is None:
        return None
    return {"Name": text_of(dict(fields(rule))["Name"]), "Properties": rule_of(rule)}


def rule_of(description: ET.Element) -> Document:
    """Return what a rule's description sets."""
    parts = dict(fields(description))
    kind = parts["Filter"].get(atom.TYPE, "").rpartition(":")[2].removesuffix("Filter")
    document: Document = {"FilterType": kind}
    if kind not in _BOOLEAN_FILTERS:
        document[f"{kind}Filter"] = _expression(parts["Filter"])
    action = parts.get("Action")
    if action is not None and action.get(atom.TYPE, "").endswith("SqlRuleAction"):
        document["Action"] = _expression(action)
    return document


def _expression(element: ET.Element) -> Document:
    return {
        name: atom.typed(child) if name in ("Properties", "Parameters") else text_of(child)
        for name, child in fields(element)
    }


# -- to XML


def time_of(milliseconds: int) -> str:
    """Return a time in ISO 8601; what never happened was in the year 1."""
    if not milliseconds:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


def queue_description(node: QueueNode) -> ET.Element:
    """Return a queue's description with its counts."""
    element = _description("QueueDescription", node)
    add(element, "SizeInBytes", node.size)
    _counts(element, node)
    return element


def topic_description(node: TopicNode) -> ET.Element:
    """Return a topic's description with its counts."""
    element = _description("TopicDescription", node)
    rules = [rule for each in node.subscriptions.values() for rule in each.subscription.rules.rules]
    kinds = [rule.config.properties.filter_type for rule in rules]
    add(element, "SizeInBytes", node.size)
    _counts(element, node)
    add(element, "SubscriptionCount", len(node.subscriptions))
    add(element, "SqlFilterCount", len(kinds) - kinds.count("Correlation"))
    add(element, "CorrelationFilterCount", kinds.count("Correlation"))
    return element


def subscription_description(node: SubscriptionNode) -> ET.Element:
    """Return a subscription's description with its counts."""
    element = _description("SubscriptionDescription", node)
    _counts(element, node)
    return element


def rule_description(rule: RuleConfig, created_at: int) -> ET.Element:
    """Return a rule's description."""
    element = ET.Element(f"{{{atom.CONNECT}}}RuleDescription")
    document = rule.properties.model_dump(mode="python", by_alias=True, exclude_none=True)
    kind = document["FilterType"]
    if kind in _BOOLEAN_FILTERS:
        document[f"{kind}Filter"] = {"SqlExpression": _BOOLEAN_FILTERS[kind], "CompatibilityLevel": 20}
    _typed(element, "Filter", f"{kind}Filter", document[f"{kind}Filter"])
    if "Action" in document:
        _typed(element, "Action", "SqlRuleAction", document["Action"])
    else:
        _typed(element, "Action", "EmptyRuleAction", {})
    add(element, "CreatedAt", time_of(created_at))
    add(element, "Name", rule.name)
    return element


def _typed(parent: ET.Element, name: str, kind: str, document: Mapping[str, Any]) -> None:
    element = add(parent, name, None)
    element.set(atom.TYPE, kind)
    for key, value in document.items():
        if key in ("Properties", "Parameters"):
            atom.add_typed(add(element, key, None), [(name, *_spelt(each)) for name, each in value.items()])
        else:
            add(element, key, value)


def _spelt(value: Scalar | dict[str, str]) -> tuple[str, str]:
    if isinstance(value, TypedValue):
        return value.type, value.text
    if isinstance(value, dict):
        return value["type"], value["text"]
    if isinstance(value, bool):
        return "boolean", str(value).lower()
    if isinstance(value, int):
        return ("int" if abs(value) < 1 << 31 else "long"), str(value)
    return ("double" if isinstance(value, float) else "string"), str(value)


def _description(name: str, node: AnyNode) -> ET.Element:
    element = ET.Element(f"{{{atom.CONNECT}}}{name}")
    for key, value in node.config.properties.document.items():
        if key == "AuthorizationRules":
            _authorizations(element, node.config.properties.authorization_rules)  # type: ignore[union-attr]
        elif key in _ENDLESS:
            add(element, key, value or _FOR_EVER)
        elif value or key not in _OMITTED_WHEN_EMPTY:
            add(element, key, value)
    add(element, "CreatedAt", time_of(node.created_at))
    add(element, "UpdatedAt", time_of(node.updated_at))
    add(element, "AccessedAt", time_of(node.accessed_at))
    add(element, "EntityAvailabilityStatus", "Available")
    return element


def _authorizations(parent: ET.Element, rules: tuple[AuthorizationRule, ...]) -> None:
    element = add(parent, "AuthorizationRules", None)
    for rule in rules:
        child = add(element, "AuthorizationRule", None)
        child.set(atom.TYPE, "SharedAccessAuthorizationRule")
        for key, value in rule.document.items():
            if key == "Rights":
                rights = add(child, key, None)
                for right in value:
                    add(rights, "AccessRights", right)
            elif value is not None:
                add(child, key, value)


def _counts(element: ET.Element, node: AnyNode) -> None:
    counts = node.counts
    transfers = [each.queue for each in node.parts[2:] if each.queue is not None]
    details = {
        "ActiveMessageCount": counts["active"] + counts["locked"] + counts["deferred"],
        "DeadLetterMessageCount": counts["dead_letter"],
        "ScheduledMessageCount": counts["scheduled"],
        "TransferMessageCount": 0,
        "TransferDeadLetterMessageCount": sum(len(each.tally) for each in transfers),
    }
    if not isinstance(node, TopicNode):
        add(element, "MessageCount", sum(details.values()))
    count_details = add(element, "CountDetails", None)
    for name, count in details.items():
        add(count_details, name, count, atom.COUNTS)

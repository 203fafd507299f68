"""What the SDK's `ServiceBusAdministrationClient` asks for: entities by their paths, in Atom.

https://learn.microsoft.com/rest/api/servicebus/resource-providers (the entity management operations)
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

from aiohttp import web
from pydantic import ValidationError

from servicebus_local.access import Access
from servicebus_local.administration import atom
from servicebus_local.administration import descriptions as d
from servicebus_local.broker.broker import Broker
from servicebus_local.broker.nodes import AnyNode, QueueNode, SubscriptionNode, TopicNode
from servicebus_local.broker.rule_changes import RuleChanges
from servicebus_local.config import explain
from servicebus_local.entities import DEFAULT_RULE, QueueConfig, RuleConfig, SubscriptionConfig, TopicConfig
from servicebus_local.errors import BadRequest, ServiceError, Unsupported

_PATH = re.compile(
    r"(?P<topic>.+?)/subscriptions(?:/(?P<subscription>[^/]+)(?:/(?P<rules>rules)(?:/(?P<rule>[^/]+))?)?)?/?",
    re.IGNORECASE,
)
_LISTS = {"/$resources/queues": "queues", "/$resources/topics": "topics"}
_PAGE = 100
_READING = ("GET", "HEAD")
_METHODS = (*_READING, "PUT", "DELETE")
_ENTRY = "application/atom+xml;type=entry;charset=utf-8"

_Handler = Callable[[web.Request, str], web.Response]


class Resources:
    """Answers for all entities of one broker."""

    def __init__(self, broker: Broker, access: Access) -> None:
        self._broker = broker
        self._access = access
        self._catalogue = broker.catalogue
        self._changes = broker.changes
        self._rules = RuleChanges(broker.catalogue, broker.changes)

    async def handle(self, request: web.Request) -> web.Response:
        """Do what is asked for."""
        body = await request.read()
        try:
            self._check_access(request)
            return self._handle(request, body)
        except ServiceError as error:
            return _refusal(error.status, str(error))
        except ValidationError as error:
            return _refusal(400, explain(error))
        except (ValueError, KeyError) as error:
            return _refusal(400, f"The request is malformed: {error}")

    def _check_access(self, request: web.Request) -> None:
        if not self._access.is_open:
            claim = self._access.claim_of(request.headers.get("Authorization", ""))
            self._access.check([claim], unquote(request.rel_url.raw_path).strip("/"), "Manage")

    def _handle(self, request: web.Request, body: bytes) -> web.Response:
        path = unquote(request.rel_url.raw_path)
        if request.method not in _METHODS or (request.method not in _READING and path.startswith("/$")):
            raise Unsupported(f"{request.method} is not offered for {path}.")
        if path.lower() == "/$namespaceinfo":
            return _answer(self._namespace(request))
        if path.lower() in _LISTS:
            return self._list_roots(request, _LISTS[path.lower()])
        match = _PATH.fullmatch(path.strip("/"))
        if match is None:
            return self._root(request, path.strip("/"), body)
        topic, subscription, rules, rule = match.group("topic", "subscription", "rules", "rule")
        if request.method not in _READING and rule is None and (subscription is None or rules is not None):
            raise BadRequest("A name is missing: what can be changed is one subscription or one rule.")
        if subscription is None:
            return self._list_subscriptions(request, topic)
        if rules is None:
            return self._subscription(request, topic, subscription, body)
        if rule is None:
            node, rule_configs = self._rules.all(topic, subscription)
            return _page(request, rules, [_named(node, each) for each in rule_configs], _rules_of(node))
        return self._rule(request, topic, subscription, rule, body)

    # -- queues and topics

    def _root(self, request: web.Request, name: str, body: bytes) -> web.Response:
        if request.method == "DELETE":
            self._changes.delete(name)
            return web.Response()
        if request.method == "PUT":
            return self._put_root(request, name, body)
        node: QueueNode | TopicNode | None = self._catalogue.queues.get(name.lower())
        if node is None:
            node = self._catalogue.topic(name)
        return _answer(_entry(request, node.path, _described(node)))

    def _put_root(self, request: web.Request, name: str, body: bytes) -> web.Response:
        description = atom.description_of(body)
        document = {"Name": name, "Properties": d.properties_of(description)}
        update = _is_update(request)
        node: QueueNode | TopicNode
        if atom.local_name(description) == "QueueDescription":
            queue = QueueConfig.model_validate(document)
            node = self._changes.update_queue(queue) if update else self._changes.create_queue(queue)
        elif atom.local_name(description) == "TopicDescription":
            topic = TopicConfig.model_validate(document)
            node = self._changes.update_topic(topic) if update else self._changes.create_topic(topic)
        else:
            raise BadRequest(f"{atom.local_name(description)} describes neither a queue nor a topic.")
        return _answer(_entry(request, node.path, _described(node)), 200 if update else 201)

    def _list_roots(self, request: web.Request, kind: str) -> web.Response:
        if kind == "queues":
            described = [(node.path, _described(node)) for _, node in sorted(self._catalogue.queues.items())]
        else:
            described = [(node.path, _described(node)) for _, node in sorted(self._catalogue.topics.items())]
        return _page(request, kind, described)

    # -- subscriptions and rules

    def _subscription(self, request: web.Request, topic: str, name: str, body: bytes) -> web.Response:
        if request.method == "DELETE":
            self._changes.delete(self._catalogue.subscription(topic, name).path)
            return web.Response()
        if request.method != "PUT":
            node = self._catalogue.subscription(topic, name)
            return _answer(_subscription_entry(request, topic, node))
        description = atom.description_of(body)
        document: dict[str, Any] = {"Name": name, "Properties": d.properties_of(description)}
        if _is_update(request):
            rules = self._catalogue.subscription(topic, name).config.rules
            config = SubscriptionConfig.model_validate(document).model_copy(update={"rules": rules})
            node = self._changes.update_subscription(topic, config)
            return _answer(_subscription_entry(request, topic, node))
        rule = d.default_rule_of(description)
        document["Rules"] = [DEFAULT_RULE.document if rule is None else rule]
        node = self._changes.create_subscription(topic, SubscriptionConfig.model_validate(document))
        return _answer(_subscription_entry(request, topic, node), 201)

    def _list_subscriptions(self, request: web.Request, topic: str) -> web.Response:
        nodes = sorted(self._catalogue.topic(topic).subscriptions.items())
        described = [(node.config.name, d.subscription_description(node)) for _, node in nodes]
        return _page(request, "subscriptions", described, _subscriptions_of(self._catalogue.topic(topic).path))

    def _rule(self, request: web.Request, topic: str, subscription: str, name: str, body: bytes) -> web.Response:
        if request.method == "DELETE":
            self._rules.delete(topic, subscription, name)
            return web.Response()
        if request.method != "PUT":
            return _answer(_rule_entry(request, *self._rules.get(topic, subscription, name)))
        document = {"Name": name, "Properties": d.rule_of(atom.description_of(body))}
        update = _is_update(request)
        changed = self._rules.put(topic, subscription, document, update=update)
        return _answer(_rule_entry(request, *changed), 200 if update else 201)

    # -- the namespace

    def _namespace(self, request: web.Request) -> ET.Element:
        element = ET.Element(f"{{{atom.CONNECT}}}NamespaceInfo")
        started = d.time_of(self._broker.started_at)
        for name, value in (
            ("CreatedTime", started),
            ("MessagingSKU", "Standard"),
            ("MessagingUnits", None),
            ("ModifiedTime", started),
            ("Name", self._broker.name),
            ("NamespaceType", "Messaging"),
        ):
            if value is not None:
                atom.add(element, name, value)
        return _entry(request, self._broker.name, element)


def _described(node: AnyNode) -> ET.Element:
    if isinstance(node, QueueNode):
        return d.queue_description(node)
    if isinstance(node, TopicNode):
        return d.topic_description(node)
    return d.subscription_description(node)


def _named(node: SubscriptionNode, rule: RuleConfig) -> tuple[str, ET.Element]:
    return rule.name, d.rule_description(rule, node.created_at)


def _subscriptions_of(topic: str) -> str:
    """Where a topic's subscriptions are; clients find a subscription's topic by its capital letter."""
    return f"{topic}/Subscriptions/"


def _rules_of(node: SubscriptionNode) -> str:
    topic, _, subscription = node.path.partition("/subscriptions/")
    return f"{_subscriptions_of(topic)}{subscription}/Rules/"


def _subscription_entry(request: web.Request, topic: str, node: SubscriptionNode) -> ET.Element:
    return _entry(request, node.config.name, d.subscription_description(node), _subscriptions_of(topic))


def _rule_entry(request: web.Request, node: SubscriptionNode, rule: RuleConfig) -> ET.Element:
    return _entry(request, *_named(node, rule), _rules_of(node))


def _address(request: web.Request, parent: str, name: str) -> str:
    return f"{request.url.origin()}/{quote(parent + name, safe='/$')}"


def _entry(request: web.Request, title: str, description: ET.Element, parent: str = "") -> ET.Element:
    updated = next((each.text or "" for each in description if atom.local_name(each) == "UpdatedAt"), d.time_of(0))
    return atom.entry(_address(request, parent, title), title, updated, description)


def _page(
    request: web.Request, title: str, described: Sequence[tuple[str, ET.Element]], parent: str = ""
) -> web.Response:
    """A page of what there is; an entry's id is its address, from which clients take the names of what it is in."""
    skip, top = int(request.query.get("$skip", "0")), int(request.query.get("$top", str(_PAGE)))
    if skip < 0 or top < 0:
        raise BadRequest("$skip and $top are not below zero.")
    top = min(top, _PAGE)
    entries: Iterable[ET.Element] = [
        atom.entry(_address(request, parent, name), name, d.time_of(0), each)
        for name, each in described[skip : skip + top]
    ]
    following = str(request.url.update_query({"$skip": str(skip + top), "$top": str(top)}))
    more = top > 0 and len(described) > skip + top
    return _answer(atom.feed(str(request.url), title, d.time_of(0), entries, following if more else None))


def _is_update(request: web.Request) -> bool:
    return request.headers.get("If-Match") == "*"


def _answer(element: ET.Element, status: int = 200) -> web.Response:
    return web.Response(body=atom.encode(element), status=status, headers={"Content-Type": _ENTRY})


def _refusal(status: int, detail: str) -> web.Response:
    return web.Response(
        body=atom.encode(atom.error(status, detail)),
        status=status,
        headers={"Content-Type": "application/xml; charset=utf-8"},
    )

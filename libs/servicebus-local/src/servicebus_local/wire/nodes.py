"""What stands behind the address that a link is attached to."""

import re
from collections.abc import Callable

from servicebus_local.access import Access
from servicebus_local.broker.broker import Broker
from servicebus_local.errors import NotAllowed, ServiceError
from servicebus_local.messages.incoming import as_text
from servicebus_local.paths import path_of
from servicebus_local.wire.attach import AttachRequest
from servicebus_local.wire.egress import EntityEgress
from servicebus_local.wire.ingress import EntityIngress
from servicebus_local.wire.link import Link, LinkSession
from servicebus_local.wire.management import Management
from servicebus_local.wire.requests import Reply, Request, RequestIngress, Response, ResponseEgress, Style

CBS = "$cbs"
_MANAGEMENT_SUFFIX = "/$management"
_BELONGS = re.compile(r"/subscriptions/|/?\$", re.IGNORECASE)
"""Where the path of what belongs to a queue or topic begins."""
_CBS_STYLE = Style("status-code", "status-description")
_MANAGEMENT_STYLE = Style("statusCode", "statusDescription")


class Nodes:
    """Opens links."""

    def __init__(self, broker: Broker, access: Access, link_idle_limit: int) -> None:
        self._broker = broker
        self.access = access
        self.link_idle_limit = link_idle_limit
        """Milliseconds after which a link closes on which nothing happens."""

    def attach(self, session: LinkSession, request: AttachRequest) -> None:
        """Open the link that is asked for, or refuse it with the service's reason."""
        path = path_of(request.address)
        link: Link = ResponseEgress(session, request)  # stands for the link that cannot be
        try:
            check_access = self._access_check(session, request, path)
            check_access()
            link = (
                self._receiver(session, request, path)
                if request.client_receives
                else self._sender(session, request, path)
            )
            link.check_access = check_access
            session.links[link.handle] = link
            link.open()
        except ServiceError as error:
            session.refuse(link, error)

    def _sender(self, session: LinkSession, request: AttachRequest, path: str) -> Link:
        if path.lower() == CBS:
            return RequestIngress(session, request, self._put_token, _CBS_STYLE)
        if path.lower().endswith(_MANAGEMENT_SUFFIX):
            node = path[: -len(_MANAGEMENT_SUFFIX)]
            management = Management(self._broker, self._broker.entity(node))
            return RequestIngress(session, request, management.handle, _MANAGEMENT_STYLE)
        entity = self._broker.entity(path)
        return EntityIngress(session, request, self._broker, entity, entity.open_destination())

    def _receiver(self, session: LinkSession, request: AttachRequest, path: str) -> Link:
        if path.lower() == CBS:
            return ResponseEgress(session, request)
        if path.lower().endswith(_MANAGEMENT_SUFFIX):
            self._broker.entity(path[: -len(_MANAGEMENT_SUFFIX)])
            return ResponseEgress(session, request)
        entity = self._broker.entity(path)
        queue = entity.open_queue()
        if queue.settings.forward_to is not None and queue.dead_letters is not None:
            raise NotAllowed(f"Messages cannot be received from '{entity.path}': it forwards them.")
        return EntityEgress(session, request, entity, queue)

    def _access_check(self, session: LinkSession, request: AttachRequest, path: str) -> Callable[[], None]:
        """Who may send or listen may also ask the management node, which offers both; everybody may show a token."""
        claims = session.peer.claims.values()
        if path.lower() == CBS:
            return lambda: None
        if path.lower().endswith(_MANAGEMENT_SUFFIX):
            return lambda: self.access.check(claims, path, "Listen", "Send")
        return lambda: self.access.check(claims, path, "Listen" if request.client_receives else "Send")

    def _put_token(self, request: Request, reply: Reply) -> None:
        path = path_of(as_text(request.properties.get("name", b"")))
        if not self.access.is_open:  # else no token is checked, and the link tells what is missing
            claim = self.access.claim_of(as_text(request.body), path)
            request.session.peer.claims[path.lower()] = claim
            self._check_exists(path)
        reply(Response(202, "Accepted"))

    def _check_exists(self, path: str) -> None:
        """A token is for a queue or topic that there is; what belongs to it is looked for when a link is opened."""
        name = _BELONGS.split(path, maxsplit=1)[0]
        if name:
            self._broker.entity(name)

"""What stands behind the address that a link is attached to."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mti.local.namespace.broker.broker import Broker
from mti.local.namespace.errors import NotAllowed, ServiceError
from mti.local.namespace.wire.egress import EntityEgress
from mti.local.namespace.wire.ingress import EntityIngress
from mti.local.namespace.wire.link import AttachRequest, Link
from mti.local.namespace.wire.management import Management
from mti.local.namespace.wire.requests import Reply, Request, RequestIngress, Response, ResponseEgress, Style

if TYPE_CHECKING:
    from mti.local.namespace.wire.session import Session

CBS = "$cbs"
_MANAGEMENT_SUFFIX = "/$management"
_CBS_STYLE = Style("status-code", "status-description")
_MANAGEMENT_STYLE = Style("statusCode", "statusDescription")


class Nodes:
    """Opens links."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def attach(self, session: "Session", request: AttachRequest) -> None:
        """Open the link that is asked for, or refuse it with the service's reason."""
        path = path_of(request.address)
        link: Link = ResponseEgress(session, request)  # stands for the link that cannot be
        try:
            link = (
                self._receiver(session, request, path)
                if request.client_receives
                else self._sender(session, request, path)
            )
            session.links[link.handle] = link
            link.open()
        except ServiceError as error:
            session.refuse(link, error)

    def _sender(self, session: "Session", request: AttachRequest, path: str) -> Link:
        if path.lower() == CBS:
            return RequestIngress(session, request, _put_token, _CBS_STYLE)
        if path.lower().endswith(_MANAGEMENT_SUFFIX):
            management = Management(self._broker, self._broker.entity(path[: -len(_MANAGEMENT_SUFFIX)]))
            return RequestIngress(session, request, management.handle, _MANAGEMENT_STYLE)
        entity = self._broker.entity(path)
        if entity.destination is None:
            raise NotAllowed(f"Messages cannot be sent to '{entity.path}'.")
        return EntityIngress(session, request, entity.destination)

    def _receiver(self, session: "Session", request: AttachRequest, path: str) -> Link:
        if path.lower() == CBS:
            return ResponseEgress(session, request)
        if path.lower().endswith(_MANAGEMENT_SUFFIX):
            self._broker.entity(path[: -len(_MANAGEMENT_SUFFIX)])
            return ResponseEgress(session, request)
        entity = self._broker.entity(path)
        if entity.queue is None:
            raise NotAllowed(f"'{entity.path}' is a topic: receive from its subscriptions.")
        return EntityEgress(session, request, entity.queue)


def path_of(address: str) -> str:
    """The entity path in an address, which is a URI or the path itself."""
    path = urlsplit(address).path if "://" in address else address
    return unquote(path).strip("/")


def _put_token(request: Request, reply: Reply) -> None:  # noqa: ARG001 - any token will do
    reply(Response(202, "Accepted"))

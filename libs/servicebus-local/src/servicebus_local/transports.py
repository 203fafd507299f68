"""Plain HTTP for the SDK's administration clients, which put https before every address.

    ServiceBusAdministrationClient.from_connection_string(text, transport=PlainTransport())

The namespace also answers over TLS; then `connection_verify` names its `certificate.pem` and no transport is needed.
"""

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport


class PlainTransport(RequestsTransport):  # type: ignore[misc]  # untyped in azure-core
    """For `azure.servicebus.management`."""

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the base class has it
        """Send a request, without TLS."""
        request.url = _without_tls(request.url)
        return super().send(request, **options)


class AsyncPlainTransport(AioHttpTransport):  # type: ignore[misc]  # untyped in azure-core
    """For `azure.servicebus.aio.management`."""

    async def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as the base class has it
        """Send a request, without TLS."""
        request.url = _without_tls(request.url)
        return await super().send(request, **options)


def _without_tls(url: str) -> str:
    return "http://" + url.removeprefix("https://") if url.startswith("https://") else url

"""Whose certificates the links of a namespace trust: read once for all, and not at all where nothing is encrypted."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.ports.bus import Outgoing
from mti.common.ports.clock import SystemClock
from tests.support.authority import Authority
from tests.support.bus import FETCH_JOBS, connected, running_namespace

AZURE = "Endpoint=sb://nothing-is-there.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of authorities that were read."""
    files: list[str] = []
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *arguments: Any, **named: Any) -> None:
        files.append(arguments[0])
        load(context, *arguments, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    return files


async def test_links_on_this_machine_read_no_authorities(tmp_path: Path, read: list[str]) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus:
        await bus.sender(FETCH_JOBS).send([Outgoing(body=b"a", message_id="a")])
        receiver = await bus.open_receiver(FETCH_JOBS, SystemClock())
        (message,) = await receiver.receive(1, 20)
        await receiver.complete(message)
        await receiver.close()
    assert read == []


async def test_links_to_azure_trust_the_authorities_that_are_named_and_read_them_once(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    bus = ServiceBus.from_connection_string(AZURE)
    try:
        trusted = {bus.receiver(FETCH_JOBS)._config.ssl_context for _ in range(3)}
    finally:
        await bus.close()
    assert read == [str(authority.file)]
    (context,) = trusted
    assert context is not None
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname

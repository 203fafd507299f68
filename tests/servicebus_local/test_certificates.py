"""The certificates that namespaces make for themselves."""

import asyncio
import ssl
from pathlib import Path

import pytest

from servicebus_local import Namespace, NamespaceConfig
from tests.support.waiting import in_time


async def _verifies(namespace: Namespace, context: ssl.SSLContext) -> None:
    _, writer = await in_time(asyncio.open_connection("127.0.0.1", namespace.port, ssl=context))
    writer.close()


async def test_one_bundle_verifies_several_namespaces(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    namespaces = [Namespace(NamespaceConfig.build({}), folder) for folder in folders]
    async with namespaces[0], namespaces[1], namespaces[2]:
        bundle = tmp_path / "bundle.pem"
        bundle.write_text("".join(each.certificate.read_text() for each in namespaces))
        together = ssl.create_default_context(cafile=str(bundle))
        for namespace in namespaces:
            await _verifies(namespace, together)
        alone = ssl.create_default_context(cafile=str(namespaces[0].certificate))
        await _verifies(namespaces[0], alone)
        with pytest.raises(ssl.SSLCertVerificationError):
            await _verifies(namespaces[1], alone)

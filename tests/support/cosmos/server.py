"""One Cosmos DB protocol server for the tests of a session (of a worker, when there are several)."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SECONDS_TO_END = 10


def node() -> str:
    """Where Node.js is."""
    beside_python = Path(sys.executable).parent / "node"  # where the wheel puts it
    found = shutil.which("node") or (str(beside_python) if beside_python.exists() else None)
    if found is None:
        pytest.fail("the store's contract runs on Node.js: `make setup` installs it")
    return found


@pytest.fixture(scope="session")
def cosmos_endpoint() -> Iterator[str]:
    """The address of an empty account on this machine. Its certificate is self-signed; any key will do."""
    with subprocess.Popen(
        [node(), str(HERE / "server.cjs")], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            pytest.fail("the Cosmos DB protocol server did not start: run `make setup`")
        yield f"https://127.0.0.1:{port}/"
        server.stdin.close()
        server.wait(SECONDS_TO_END)

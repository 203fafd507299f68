"""The templates as the compiler expands them."""

from collections.abc import Callable

import pytest

from tests.infra.compiler import Compiler
from tests.infra.deployed import Deployed


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("bicep"))


@pytest.fixture(scope="session")
def deployed(compiler: Compiler) -> Callable[[str], Deployed]:
    """Returns what a parameter file deploys, its secrets being plain values; each is expanded once."""
    expanded: dict[str, Deployed] = {}

    def expand(name: str) -> Deployed:
        if name not in expanded:
            snapshot = compiler.snapshot(compiler.infra / "bicep" / "parameters" / f"{name}.bicepparam")
            expanded[name] = Deployed(snapshot, Deployed.plain(snapshot))
        return expanded[name]

    return expand

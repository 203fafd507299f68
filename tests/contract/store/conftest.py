"""What the contract of the store runs on."""

import pytest

from tests.support.cosmos.server import cosmos_endpoint

__all__ = ["cosmos_endpoint"]

pytest.register_assert_rewrite("tests.contract.store.contract")

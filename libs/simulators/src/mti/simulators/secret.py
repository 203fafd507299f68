"""Secrets of the simulated world: hidden in reprs and logs, written out in a scenario file, compared in even time."""

import hmac
from typing import Annotated

from pydantic import PlainSerializer, SecretStr

Secret = Annotated[
    SecretStr, PlainSerializer(lambda secret: secret.get_secret_value(), return_type=str, when_used="json")
]
"""Text that a `repr` hides and `model_dump_json` writes, so that a scenario file is complete."""


def same(expected: SecretStr | str, given: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    plain = expected if isinstance(expected, str) else expected.get_secret_value()
    return hmac.compare_digest(plain.encode(), given.encode())

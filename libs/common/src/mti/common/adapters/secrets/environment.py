"""Secrets in environment variables: `env:NAME`."""

import os
from collections.abc import Mapping

from mti.common.errors import SecretUnavailable
from mti.common.ports.secrets import SecretReference


class EnvironmentSecrets:
    """Reads variables of this process.

    Args:
        environ: the variables; those of the process when not given.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    async def read(self, reference: SecretReference) -> str:
        """Return the variable's value, without white space around it.

        Raises:
            SecretUnavailable: it is not set, or empty.
        """
        value = self._environ.get(reference.name)
        if value and (stripped := value.strip()):
            return stripped
        state = "is not set" if value is None else "is empty"
        raise SecretUnavailable(f"env:{reference.name} {state}; set the environment variable {reference.name}")

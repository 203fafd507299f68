"""Secrets in files: `file:PATH`, such as container platforms mount them."""

import asyncio
from pathlib import Path

from mti.common.errors import SecretUnavailable
from mti.common.ports.secrets import SecretReference

SIZE_LIMIT = 1024 * 1024
"""Bytes of a file: a certificate with its chain has a few thousand."""


class FileSecrets:
    """Reads files, each of which holds one secret.

    Args:
        base: the folder that relative paths start from: the tenants file's.
    """

    def __init__(self, base: Path) -> None:
        self._base = base

    async def read(self, reference: SecretReference) -> str:
        """Return what the file holds, without white space around it.

        Raises:
            SecretUnavailable: there is no such file, it can't be read, is not text, or is empty.
        """
        path = self._base / reference.name
        try:
            data = await asyncio.to_thread(_read, path)
            if len(data) > SIZE_LIMIT:
                cure = f"put the secret into {path}, alone"
                raise self._unavailable(reference, f"has more than {SIZE_LIMIT} bytes, as no secret has", cure)
            text = data.decode("utf-8-sig")
        except FileNotFoundError:
            raise self._unavailable(reference, "does not exist", f"put the secret into {path}") from None
        except UnicodeDecodeError:
            raise self._unavailable(reference, "is not UTF-8 text", f"save {path} as UTF-8") from None
        except (OSError, ValueError) as refused:
            reason = getattr(refused, "strerror", None) or "not a path"
            cure = f"make {path} a file that this process may read"
            raise self._unavailable(reference, f"can't be read ({reason})", cure) from None
        value = text.strip()
        if not value:
            raise self._unavailable(reference, "is empty", f"put the secret into {path}")
        return value

    @staticmethod
    def _unavailable(reference: SecretReference, state: str, cure: str) -> SecretUnavailable:
        return SecretUnavailable(f"file:{reference.name} {state}; {cure}")


def _read(path: Path) -> bytes:
    """Return what a file holds, and no more than one byte too many."""
    with path.open("rb") as file:
        return file.read(SIZE_LIMIT + 1)

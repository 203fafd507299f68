"""The file that a body is mended in."""

import os
from pathlib import Path

from mti.common.contracts.body import UNPACKED_LIMIT
from mti.common.errors import ConfigurationError


def write_new(path: Path, data: bytes) -> None:
    """Write a new file that only this user may read.

    Raises:
        ConfigurationError: it exists already, or can't be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; name a new file") from None
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written ({error.strerror}); name another file") from error


def read_file(path: Path, limit: int = UNPACKED_LIMIT) -> bytes:
    """Return what a file holds.

    Raises:
        ConfigurationError: it can't be read, or holds more than a body may.
    """
    try:
        with path.open("rb") as file:
            body = file.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read ({error.strerror}); name the mended file") from error
    if len(body) > limit:
        raise ConfigurationError(f"{path} has more than {limit} bytes, and no body does; name the mended file")
    return body

"""Files of dead letters and of their bodies: for one user's eyes, and never over another file."""

import os
from pathlib import Path
from typing import BinaryIO

from mti.common.contracts.body import UNPACKED_LIMIT
from mti.common.errors import ConfigurationError


def create_private(path: Path) -> BinaryIO:
    """Create a new file that only this user may read.

    Raises:
        ConfigurationError: it exists already, or can't be written.
    """
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; name a new file") from None
    except OSError as error:
        raise _unwritable(path, error) from error


def write_body(path: Path, body: bytes) -> None:
    """Write a body to a new file that only this user may read.

    Raises:
        ConfigurationError: it exists already, or can't be written.
    """
    file = create_private(path)
    try:
        with file:
            file.write(body)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_body(path: Path, limit: int = UNPACKED_LIMIT) -> bytes:
    """Return the body that a file holds.

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


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    """Return what is said of a file that can't be written."""
    return ConfigurationError(f"{path} can't be written ({error.strerror}); name another file")

"""Settings: where a process says whether it is well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mti.common.settings import Settings


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system."""

    path: Path


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A port of this machine."""

    host: str
    port: int


class HealthSettings(Settings):
    """Where a process says whether it is well."""

    health: str | None = None
    """Where `python -m mti.common.probe`, or a platform, asks: `unix:/tmp/health.sock`, or `tcp:HOST:PORT` for
    `GET /live` and `GET /ready`; nowhere without it."""
    health_stuck_seconds: float = Field(default=900.0, gt=0)
    """After which something in hand is held to be stuck, and the process for dead."""

    @model_validator(mode="after")
    def _an_address(self) -> Self:
        if self.health is not None:
            try:
                _address(self.health)
            except ValueError as refused:
                raise ValueError(f"MTI_HEALTH: {refused}") from None
        return self

    @property
    def health_address(self) -> UnixAddress | TcpAddress | None:
        """The same, taken apart."""
        return _address(self.health) if self.health is not None else None


def _address(text: str) -> UnixAddress | TcpAddress:
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest.startswith("/"):
        return UnixAddress(Path(rest))
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdecimal() and 0 < int(port) < 65536:
        return TcpAddress(host, int(port))
    raise ValueError("is no address; write unix:/tmp/health.sock, or tcp:HOST:PORT such as tcp:127.0.0.1:8090")

"""Where the embedded stack keeps what: one folder, `DIR`, that can be killed and started again."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from mti.common.adapters.sqlite import SqliteStore
from mti.local.namespace import NamespaceConfig

SERVICES = ("fetcher", "normalizer", "publisher")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files below `DIR`."""

    root: Path

    @property
    def bus(self) -> Path:
        """The namespace's messages."""
        return self.root / "bus"

    @property
    def logs(self) -> Path:
        """One file of JSON lines a process."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """Held by the one stack that works on the folder."""
        return self.root / "stack.lock"

    @property
    def running(self) -> Path:
        """Says where the running stack listens; there only while it runs."""
        return self.root / "running.json"

    def database(self, service: str) -> Path:
        """The checkpoints and books of one service; no other service opens it."""
        return self.root / f"{service}.db"

    def store(self, service: str) -> SqliteStore:
        """Open a service's books to read them."""
        return SqliteStore(self.database(service), read_only=True)

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.root, self.bus, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def namespace_config() -> NamespaceConfig:
    """Return the entities of the project, from the file that Microsoft's emulator reads as well."""
    with as_file(files("mti.local.stack") / "Config.json") as path:
        return NamespaceConfig.load(path)

"""Where the embedded stack keeps what: one folder, `DIR`, that can be killed and started again."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.store import Store

if TYPE_CHECKING:
    from servicebus_local import NamespaceConfig

TENANTS_SECONDS = "1"
"""Between two looks for changes of the tenants: a look costs nothing here, and somebody is watching."""


class LastRun(BaseModel):
    """What a run was told."""

    model_config = ConfigDict(frozen=True)

    tenants: Path
    """Absolute."""
    allow_loopback: bool = False


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

    @property
    def last_run(self) -> Path:
        """Says which tenants file the last run had, for the commands that work on the folder."""
        return self.root / "last-run.json"

    @property
    def routes(self) -> Path:
        """Says which routes were served before: a workspace that joins late is given what it missed."""
        return self.root / "routes.json"

    @property
    def tenants(self) -> Path:
        """A store of which tenants are paused or removed: the file that describes them belongs to who edits it."""
        return self.root / "tenants.db"

    @property
    def workspaces(self) -> Path:
        """A folder with the rows that simulated workspaces kept, one file each: a demonstration leaves it."""
        return self.root / "workspaces"

    def workspaces_folder(self) -> Path:
        """Make that folder and return it."""
        self.workspaces.mkdir(exist_ok=True)
        return self.workspaces

    def database(self, service: str) -> Path:
        """The checkpoints and books of one service; no other service opens it."""
        return self.root / f"{service}.db"

    def store(self, service: str) -> Store:
        """Open a service's books to read them."""
        return packed(SqliteStore(self.database(service), read_only=True))

    def remember(self, run: LastRun) -> None:
        """Write down which tenants file a run has."""
        self.last_run.write_text(run.model_dump_json(indent=2) + "\n")

    def recall(self) -> LastRun | None:
        """Return what the last run had; `None` when there was none, or it left nothing that can be read."""
        try:
            return LastRun.model_validate_json(self.last_run.read_text())
        except (OSError, ValidationError):
            return None

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.root, self.bus, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


def namespace_config() -> "NamespaceConfig":
    """Return the entities of the project, from the file that Microsoft's emulator reads as well."""
    from servicebus_local import NamespaceConfig  # noqa: PLC0415  not for commands that only look at the folder

    with as_file(files("mti.stack") / "Config.json") as path:
        return NamespaceConfig.load(path)

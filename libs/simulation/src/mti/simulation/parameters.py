"""What is simulated: how many tenants, for how long, on how many workers, and what each operation costs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""When the simulated time begins."""
POLL: Final = timedelta(minutes=5)
"""Between two windows of a source: the default of the tenants file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds that operations take."""

    bus: float = 0.01
    """A send, a receive or a settlement."""
    session: float = 0.05
    """Accepting a session."""
    store: float = 0.01
    """A call of the store."""
    document_read: float = 0.0001
    document_written: float = 0.001
    """Each, beside the call: about a thousand writes a second for one caller."""
    normalizer_kilobyte: float = 0.01
    """Of the processor, for a KB of a chunk as it is on the bus: some 15 detections."""
    publisher_kilobyte: float = 0.004
    """Of the processor, for a KB of a message as it is on the bus."""
    mimecast: float = 1.0
    """An answer of get-feed, on average."""
    mimecast_kilobyte: float = 0.002
    """A KB of it, on top."""
    sentinel: float = 0.5
    """An answer of an upload, on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The tenants that must not be noticed by the others. They come beside these."""

    backlog: int = 1_000_000
    """Detections that one tenant has when it begins; 0 is no such tenant."""
    dead: int = 100
    """Tenants of a region whose address takes no connection."""
    hanging: int = 4
    """Accounts of a healthy region that accept a request and never answer it."""
    throttled: int = 20
    """Workspaces that answer 429 to everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """One simulation; the same parameters give the same outcome."""

    tenants: int = 1000
    """All of them, the noisy ones included."""
    minutes: float = 25.0
    onset: float = 5.0
    """Minutes after which the noise begins, and the measuring."""
    detections_per_hour: float = 12.0
    """Of a quiet tenant."""
    page_size: int = 1000
    """Detections that Mimecast puts into a page."""
    fetchers: int = 1
    """Processes."""
    normalizers: int = 1
    publishers: int = 1
    jobs: int | None = None
    """Jobs at once in a fetcher; `None` is the service's own default, as with those below."""
    chunks: int | None = None
    """Chunks at once in a normalizer."""
    sessions: int | None = None
    """Sessions at once in a publisher."""
    seed: int = 0
    costs: Costs = field(default_factory=Costs)
    noise: Noise = field(default_factory=Noise)

    @property
    def quiet(self) -> int:
        """How many tenants are quiet."""
        noise = self.noise
        return self.tenants - noise.dead - noise.hanging - noise.throttled - (noise.backlog > 0)

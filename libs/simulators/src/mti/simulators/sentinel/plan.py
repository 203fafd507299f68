"""The faults that the simulated Sentinel can be told to have."""

from collections.abc import Collection
from enum import StrEnum

from pydantic import Field

from mti.simulators.faults import FaultRule


class SentinelEndpoint(StrEnum):
    """The calls that a rule can be about."""

    UPLOAD = "upload"
    TOKEN = "token"  # noqa: S105  the name of an endpoint


class Told(StrEnum):
    """Where a 429 says how long to wait."""

    TEXT = "text"
    HEADER = "header"
    BOTH = "both"
    NOWHERE = "nowhere"


class SentinelFaultKind(StrEnum):
    """What goes wrong."""

    RATE_LIMITED = "rate_limited"
    """429: `seconds`, said where `told` says."""
    STATUS = "status"
    """`status` (400, 401, 403, 404, 413, 500, …) for the whole request."""
    DROPPED = "dropped"
    """The connection is cut before the answer."""
    HANG = "hang"
    """No answer for `seconds`, then the connection is cut."""
    SLOW = "slow"
    """The right answer after `seconds`."""
    HTML = "html"
    """An HTML error page with `status`."""
    RAW = "raw"
    """`status`, `headers` and `body`, as they are given."""
    REFUSE_RECORD = "refuse_record"
    """A partial answer that refuses the objects named by `holds` and takes the others."""


class SentinelFault(FaultRule):
    """One rule. Conditions that are `None` are fulfilled by every request of the endpoint."""

    kind: SentinelFaultKind
    endpoint: SentinelEndpoint = SentinelEndpoint.UPLOAD
    workspace: str | None = None
    client_id: str | None = None
    holds: str | None = None
    """An observable's value or a STIX id: only requests that hold it."""
    over_objects: int | None = Field(default=None, ge=0)
    """Only requests with more objects than this."""
    over_bytes: int | None = Field(default=None, ge=0)
    """Only requests with more bytes than this."""
    accepted: bool = False
    """Whether the objects were taken all the same, before the fault."""
    status: int = Field(default=500, ge=200, le=599)
    seconds: float = Field(default=1.0, ge=0)
    told: Told = Told.TEXT
    message: str = "An error has occurred."
    """Of an error; `{reference}` in it is another text in each answer, as a correlation id is."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Of a raw answer."""
    body: str = ""
    """Of a raw answer."""

    def fits_token(self, client_id: str) -> bool:
        """Say whether a token request fulfils the conditions."""
        return self.endpoint is SentinelEndpoint.TOKEN and self.client_id in (None, client_id)

    def fits_upload(self, workspace: str, client_id: str, held: Collection[str], objects: int, size: int) -> bool:
        """Say whether an upload fulfils the conditions; `held` are its observables' values and its ids."""
        conditions = (
            self.endpoint is SentinelEndpoint.UPLOAD,
            self.workspace is None or self.workspace.lower() == workspace,
            self.client_id in (None, client_id),
            self.holds is None or self.holds.lower() in held,
            self.over_objects is None or objects > self.over_objects,
            self.over_bytes is None or size > self.over_bytes,
        )
        return all(conditions)

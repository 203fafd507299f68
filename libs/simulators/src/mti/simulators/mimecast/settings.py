"""The accounts of the simulated Mimecast and its habits."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mti.simulators.secret import Secret

FEED_TYPES = ("malware_customer", "malware_grid")


class Mailed(BaseModel):
    """What the mailboxes of an account hold of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = Field(ge=0)
    failing: int = Field(default=0, ge=0)
    """Those of them that can't be remediated."""


class _Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    region: str
    enabled: tuple[str, ...] = FEED_TYPES
    """The feeds that the account has opted in to; others answer 403."""
    remediation: tuple[Literal["read", "edit"], ...] = ("read", "edit")
    """What its administrator may do of *Services | Threat Remediation*."""
    mail: dict[str, Mailed] = Field(default_factory=dict)
    """By the hash of a file, in small letters."""

    def source_of(self, feed_type: str) -> str:
        """Name the feed behind a feed type: `contoso/malware_customer`, or the region's `grid:eu`."""
        return f"grid:{self.region}" if feed_type == "malware_grid" else f"{self.id}/{feed_type}"


class AccountV2(_Account):
    """An account that uses API 2.0: OAuth 2 client credentials."""

    api: Literal["2.0"] = "2.0"
    client_id: str
    client_secret: Secret


class AccountV1(_Account):
    """An account that uses API 1.0: signed requests and an access-key binding that can expire."""

    api: Literal["1.0"] = "1.0"
    app_id: str
    app_key: Secret
    access_key: str
    secret_key: Secret
    """Base64."""
    email: str
    password: Secret
    binding_expired: bool = False
    """Whether the binding has already expired at the start: 418 until somebody logs in."""


Account = Annotated[AccountV1 | AccountV2, Field(discriminator="api")]


class LimitHeaders(StrEnum):
    """On which answers the `X-RateLimit-*` headers are; the real API does either."""

    ALWAYS = "always"
    LIMITED = "limited"
    """Only on 429."""
    NEVER = "never"


class ResetForm(StrEnum):
    """What `X-RateLimit-Reset` holds; clients have met all of these."""

    MILLISECONDS = "milliseconds"
    """Until a call is free."""
    EPOCH_SECONDS = "epoch_seconds"
    """The moment when one is, in seconds since 1970."""
    EPOCH_MILLISECONDS = "epoch_milliseconds"


class Packing(StrEnum):
    """How a feed file is packed for a request with `compress`."""

    ZIP = "zip"
    GZIP = "gzip"
    """One file, not in an archive."""
    ZIP_OF_GZIP = "zip_of_gzip"
    """An archive of `.gz` files."""


class Encoding(StrEnum):
    """How a feed file is encoded."""

    UTF_8 = "utf-8"
    UTF_8_MARKED = "utf-8-sig"
    """With a byte order mark."""
    UTF_16 = "utf-16"
    """With a byte order mark."""


class CallLimit(BaseModel):
    """How many get-feed calls an account has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: int = Field(default=300, ge=1)
    seconds: float = Field(default=60.0, gt=0)
    headers: LimitHeaders = LimitHeaders.ALWAYS
    dashed: bool = False
    """Whether they are spelled `X-Rate-Limit-*`."""
    reset: ResetForm = ResetForm.MILLISECONDS
    retry_after: bool = False
    """Whether a 429 also says `Retry-After`, in whole seconds."""


class EmptyFeed(StrEnum):
    """What a window without detections is answered with."""

    ENVELOPE = "envelope"
    """Status 200 and a `fail` entry `err_threat_intel_feed_no_result_found`."""
    FILE = "file"
    """A bundle without objects, or a CSV header alone."""
    UNABLE_TO_COMPRESS = "unable_to_compress"
    """A request with `compress`: status 200 and the failure "Unable to compress feeds."; else as `ENVELOPE`."""
    NO_DATA = "no_data"
    """Status 200 and an envelope with neither data nor a failure."""
    NOTHING = "nothing"
    """Status 200 and no body."""


class LastPage(StrEnum):
    """How a window ends. Public clients of the API handle all of these."""

    NO_TOKEN = "no_token"  # noqa: S105  the name of a habit
    """No token stands beside the last detections."""
    EMPTY = "empty"
    """A token leads to an empty page, beside which there is none."""
    EMPTY_SAME_TOKEN = "empty_same_token"  # noqa: S105  the name of a habit
    """Every answer has a token; the empty page at the end repeats the one that led to it."""
    EMPTY_NEW_TOKENS = "empty_new_tokens"
    """Every answer has a token; the empty page at the end has ever new ones, which lead to itself."""


class MimecastSettings(BaseModel):
    """The habits of the simulated service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_size: int = Field(default=1000, ge=1)
    bearer_seconds: int = Field(default=3600, ge=0)
    """The life of a bearer token, and what `expires_in` says."""
    skew_seconds: float = Field(default=900.0, gt=0)
    """How far `x-mc-date` may be from the simulator's time."""
    new_keys_on_login: bool = False
    """Whether a login hands out new keys rather than the same ones, bound anew."""
    empty: EmptyFeed = EmptyFeed.ENVELOPE
    """Of a window without detections, and of the empty page at the end of one."""
    last_page: LastPage = LastPage.NO_TOKEN
    strict: bool = False
    """Refuse what the documentation does not show although published clients send it: `start` and `end` beside a
    token, and dates that end in `+00:00` or `Z`."""
    zip_members: int = Field(default=1, ge=1)
    packing: Packing = Packing.ZIP
    encoding: Encoding = Encoding.UTF_8
    litter: bool = False
    """Whether archives also hold a folder, what macOS puts into them, and a note for people."""
    content_type: str | None = None
    """A Content-Type for every feed file, however misleading; `None` tells the truth."""
    limit: CallLimit | None = CallLimit()
    remediation_search_seconds: float = Field(default=45.0, ge=0)
    """How long a remediation incident identifies nothing."""
    remediation_seconds: float = Field(default=150.0, ge=0)
    """After how long it has remediated what it identified."""

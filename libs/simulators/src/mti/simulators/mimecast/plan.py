"""The faults that the simulated Mimecast can be told to have."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from mti.simulators.faults import FaultRule
from mti.simulators.mimecast.settings import ResetForm


class Endpoint(StrEnum):
    """The calls that a rule can be about."""

    GET_FEED = "get-feed"
    OAUTH = "oauth"
    LOGIN = "login"
    REMEDIATE = "remediate"
    """The creation of a remediation incident, by either version of the endpoint."""
    REMEDIATION = "remediation"
    """The look at one."""


class Garbage(StrEnum):
    """Records that cannot become indicators, inside an otherwise good page."""

    NO_PATTERN = "no_pattern"
    """STIX: an indicator without `pattern`."""
    BAD_PATTERN = "bad_pattern"
    """STIX: an indicator whose pattern does not parse."""
    BAD_TIMESTAMP = "bad_timestamp"
    """STIX and CSV: a detection that is otherwise good."""
    ORPHAN_RELATIONSHIP = "orphan_relationship"
    """STIX: a relationship whose indicator is not there."""
    SHORT_ROW = "short_row"
    """CSV: too few cells."""


class Odd(StrEnum):
    """Further sightings of a page's first file that some parsers read and others do not, or that claim too much."""

    NESTED_200 = "nested_200"
    """STIX: lists in lists, 200 of them."""
    NESTED_260 = "nested_260"
    NESTED_2000 = "nested_2000"
    INFINITE = "infinite"
    """STIX: the number `1e999`."""
    NOT_A_NUMBER = "not_a_number"
    """STIX: `NaN`."""
    LONG_INTEGER = "long_integer"
    """STIX: an integer of 5,000 digits."""
    UNQUOTED = "unquoted"
    """STIX: quotes inside a name."""
    LONE_SURROGATE = "lone_surrogate"
    """STIX: half of a character, `\\ud83d`. It is a good sighting all the same."""
    DOUBLE_KEY = "double_key"
    """STIX: a name that stands twice in an object. It is a good sighting all the same."""
    AHEAD = "ahead"
    """STIX and CSV: dated in the year 2099. It is a good sighting, of the time when it is fetched."""


class MimecastFaultKind(StrEnum):
    """What goes wrong."""

    RATE_LIMITED = "rate_limited"
    """429; `retry_after` and `reset_ms` say which headers it has."""
    STATUS = "status"
    """`status` (401, 403, 404, 409, 418, 500, …) with a `fail` envelope, nothing else changed."""
    HTML = "html"
    """An HTML error page with `status`, 502 unless said; 200 is a fit one too."""
    TRUNCATED = "truncated"
    """Half of the right body, as if it were whole; a CSV ends inside the first cell of a row."""
    BROKEN_OFF = "broken_off"
    """The right headers and half of the body, then the connection is cut."""
    DROPPED = "dropped"
    """The connection is cut before the answer."""
    HANG = "hang"
    """No answer for `seconds` (an hour unless said), then the connection is cut."""
    SLOW = "slow"
    """The right answer after `seconds`."""
    FAIL = "fail"
    """Status 200 and an error body: `form`, `code`, `message`, `retryable`."""
    TOKEN_LOOP = "token_loop"  # noqa: S105  the name of a fault
    """A good page whose next token leads to the same page again."""
    TOKEN_VANISHES = "token_vanishes"  # noqa: S105  the name of a fault
    """A good page that says it is the last, though it is not."""
    UNAUTHORIZED = "unauthorized"
    """401, and the account's bearer tokens are void."""
    BINDING_EXPIRED = "binding_expired"
    """418, and on until somebody logs in (API 1.0)."""
    ZIP_BOMB = "zip_bomb"
    """A small archive whose member grows to `size` bytes."""
    GARBAGE = "garbage"
    """A good page with the records of `garbage` among the others."""
    ODD = "odd"
    """A good page with the records of `odd` among the others."""
    BROKEN_MEMBER = "broken_member"
    """A good page, and in its archive one more file of the feed that is damaged."""


class MimecastFault(FaultRule):
    """One rule. Conditions that are `None` are fulfilled by every request of the endpoint."""

    kind: MimecastFaultKind
    endpoint: Endpoint = Endpoint.GET_FEED
    account: str | None = None
    feed: str | None = None
    """The source's name: `contoso/malware_customer`, `grid:eu`."""
    page: int | None = Field(default=None, ge=1)
    """The page of its window, 1 being the one that is asked for without a token."""
    status: int | None = Field(default=None, ge=200, le=599)
    seconds: float = Field(default=3600.0, ge=0)
    retry_after: int | None = None
    reset_ms: int | None = None
    reset: ResetForm = ResetForm.MILLISECONDS
    """The form in which `reset_ms` is said."""
    dashed: bool = False
    """Whether it is said by `X-Rate-Limit-*`."""
    form: Literal["envelope", "flat_fail", "flat_error"] = "envelope"
    code: str = "err_threat_intel_feed_failure"
    message: str = "The threat intel feed could not be read."
    retryable: bool = True
    size: int = Field(default=256 * 1024 * 1024, ge=1)
    garbage: tuple[Garbage, ...] = tuple(Garbage)
    odd: tuple[Odd, ...] = tuple(Odd)

    def fits(self, endpoint: Endpoint, account: str, feed: str | None, page: int | None) -> bool:
        """Say whether a request fulfils the conditions."""
        wanted = (self.account or account, self.feed or feed, self.page or page)
        return self.endpoint is endpoint and wanted == (account, feed, page)

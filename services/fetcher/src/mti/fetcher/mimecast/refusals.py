"""From a refused call to what is to be done about it: one error, with a sentence that holds the cure.

The sentences do not name the source; the client puts its name and the tenant's before them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from mti.common.contracts import digest
from mti.common.errors import Pause, Retry
from mti.fetcher.mimecast.failures import Failure, words_of

LATER = frozenset({408, 409, 425})
"""Statuses below 500 that may be better the next time."""
SERVER_ERROR = 500


class TokenRefused(Pause):
    """The token of a page is not accepted (any more): the window has to be asked for anew, from its start."""

    def __init__(self, description: str) -> None:
        super().__init__("TokenRefused", description)


class NoAnswer(Retry):
    """Nobody answered, or not to the end: a connection that did not come about or broke, or a time-out."""


class PartlyUnreadable(Retry):
    """A part of a page can't be read, the rest can.

    Args:
        description: what is wrong with it.
        damage: the same text for the same damage, so that it can be seen to be there for good.
    """

    def __init__(self, description: str, damage: str) -> None:
        super().__init__("UnreadablePage", description)
        self.damage = damage


def subject_of(source: str, tenant: str) -> str:
    """Return how errors name what was asked for, and on whose behalf."""
    return f"{source}, by the Mimecast account of {tenant}"


@contextmanager
def naming(subject: str) -> Iterator[None]:
    """Put the subject before the description of every error that passes."""
    try:
        yield
    except (Retry, Pause) as error:
        error.say_of(subject)
        raise


def unreadable(what: str) -> Retry:
    """Return the error for a body that is neither a feed file nor one of Mimecast's errors."""
    return Retry(
        "UnreadablePage",
        f"{what}; nothing of it is used and the same page is asked for again. If it goes on, look whether a proxy"
        " answers in Mimecast's place, and ask Mimecast's support",
    )


def partly_unreadable(faults: Sequence[str], content: bytes = b"") -> PartlyUnreadable:
    """Return the error for a page of which a part can't be read.

    Args:
        faults: name each part and what is wrong with it.
        content: what has to be the same as well for the damage to be the same.
    """
    said = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
    return PartlyUnreadable(
        f"{said}; the same page is asked for again. If that stays so, the rest of it is used, and what can't be read is"
        " dead-lettered",
        digest(*sorted(faults), content),
    )


def too_large(what: str, cure: str) -> Pause:
    """Return the error for a page beyond our bounds."""
    return Pause("PageTooLarge", f"{what}; nothing of it is used: {cure}")


def rate_limited(free_in: timedelta | None) -> Retry:
    """Return the error for 429."""
    return Retry(
        "MimecastRateLimited",
        "Mimecast's rate limit is reached; the page is asked for again when it is free. If it goes on, raise the"
        " poll_interval of the tenant, or find who else calls the API with this account",
        free_in,
    )


def unavailable(what: str, free_in: timedelta | None = None) -> Retry:
    """Return the error for a service that does not answer properly."""
    return Retry("MimecastUnavailable", f"{what}; {_ASKED_AGAIN}", free_in)


def no_answer(what: str) -> NoAnswer:
    """Return the error for a service that does not answer."""
    return NoAnswer("MimecastUnavailable", f"{what}; {_ASKED_AGAIN}")


_ASKED_AGAIN = "the page is asked for again. If it goes on, look at Mimecast's status page and at the way there"


def refused(
    status: int, failures: Sequence[Failure] | None, *, free_in: timedelta | None, with_token: bool
) -> Retry | Pause:
    """Return the error for an answer that is no success.

    Args:
        status: of HTTP; 200 when a failure came under it.
        failures: what the body says; `None` when the body is not Mimecast's.
        free_in: what the headers say about the next call.
        with_token: whether the request continued a window.
    """
    words = f"{status} {words_of(failures)}" if failures else str(status)
    if status == 429:
        return rate_limited(free_in)
    if status >= SERVER_ERROR or status in LATER:
        return unavailable(f"Mimecast answered {words}", free_in)
    if status in _BY_STATUS:
        reason, cure = _BY_STATUS[status]
        return Pause(reason, f"Mimecast refused the call ({words}): {cure}")
    if failures and _may_be_tried_again(status, failures):
        return Retry("MimecastFailure", f"Mimecast reports a failure ({words}); the page is asked for again", free_in)
    if with_token:
        return TokenRefused(f"Mimecast refuses to continue the window ({words}): it is asked for anew from its start")
    if status == 404:
        return Pause(
            "FeedNotFound",
            f"Mimecast does not know the feed ({words}): check the region and base_url of the tenant, and that the"
            " feed is enabled for the account",
        )
    return Pause(
        "RequestRefused",
        f"Mimecast refused the request ({words}): check that the account's API application may use the feed, and"
        " report the words of Mimecast if it does",
    )


_BY_STATUS = {
    401: (
        "CredentialsRefused",
        "put valid credentials where the tenants file refers to; they are read again at the next probe",
    ),
    403: (
        "PermissionMissing",
        "give the API application the permission Services | Gateway | Tracking | Read, and enable the feed",
    ),
    418: (
        "BindingExpired",
        "the access key's binding has expired and stays so: make a new access key for the tenant",
    ),
}


def _may_be_tried_again(status: int, failures: Sequence[Failure]) -> bool:
    """Believe a failure that says so; one that says nothing is tried again when it came as a success."""
    said = [failure.retryable for failure in failures if failure.retryable is not None]
    return any(said) if said else status < 300

"""Why a destination is paused: the reason, what is wrong, and what a person can do about it. Pure."""

from mti.common.errors import Pause
from mti.common.registry import Destination
from mti.publisher.sentinel import Blocked, Forbidden, NotFound, RateLimited, Unauthorized, Unavailable
from mti.publisher.sentinel.workspace import label


def silence(destination: Destination, answer: RateLimited | Unavailable, failures: int) -> Pause:
    """Return the pause of a destination that answered none of so many tries, or none but with its rate limit."""
    if isinstance(answer, RateLimited):
        return Pause(
            "RateLimited",
            f"{label(destination)}: Sentinel's rate limit did not give way in {failures} tries; find what else uploads "
            "there, or lower requests_per_minute",
            answer.delay,
        )
    return Pause(
        "DestinationUnavailable",
        f"{label(destination)}: {failures} tries failed, the last with {answer.text}; check {destination.endpoint} "
        "and the way to it; it is probed again by itself",
        answer.delay,
    )


def failures(destination: Destination, answer: Blocked | Unavailable) -> Pause:
    """Return the pause of a destination that fails over every request, down to those with one object."""
    if isinstance(answer, Blocked):
        return Pause(
            "RequestBlocked",
            f"{label(destination)}: every request is turned away, and not in the words of Sentinel's API "
            f"({answer.text}); look for a firewall or proxy on the way to {destination.endpoint}, and for the role "
            "Microsoft Sentinel Contributor; it is probed again by itself",
        )
    return Pause(
        "DestinationUnavailable",
        f"{label(destination)}: every request fails, with one object or many, the last with {answer.text}; check "
        f"{destination.endpoint} and the way to it; it is probed again by itself",
        answer.delay,
    )


def refusal(destination: Destination, answer: Unauthorized | Forbidden | NotFound) -> Pause:
    """Return the pause of a destination that refuses us."""
    name = label(destination)
    if isinstance(answer, Unauthorized):
        return Pause(
            "CredentialsRefused",
            f"{name}: Sentinel refused a fresh token ({answer.text}); check azure_tenant_id, authority and "
            "the credentials",
        )
    if isinstance(answer, Forbidden):
        return Pause(
            "RoleMissing",
            f"{name}: the credentials are good and may not upload there ({answer.text}); give the app the "
            "role Microsoft Sentinel Contributor on the workspace",
        )
    return Pause(
        "WorkspaceUnknown",
        f"{name}: Sentinel knows no such workspace ({answer.text}); check workspace_id and endpoint",
    )


def refused_requests(destination: Destination, text: str) -> Pause:
    """Return the pause of a destination that refuses one object after another."""
    return Pause(
        "RequestRefused",
        f"{label(destination)}: Sentinel refuses one object after another and accepts none, the last with {text!r}, so "
        "it is not the objects; check api_version and source_system",
    )


def unforeseen(destination: Destination, error: Exception) -> Pause:
    """Return the pause for what this release did not foresee: the destination's or the machine's doing, no message's.

    The error's own text stays out of it, since it may repeat what was sent.
    """
    return Pause(
        "Unforeseen",
        f"{label(destination)}: {type(error).__name__} while a token was got or objects were uploaded, which this "
        "release does not foresee; its messages wait and it is probed again by itself; report it with the publisher's "
        "log",
    )

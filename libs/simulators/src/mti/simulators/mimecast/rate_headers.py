"""The headers that say when the next call is free, in the spellings and units that clients have met."""

from mti.simulators.mimecast.settings import ResetForm


def limit_headers(
    *, remaining: int, free_in_ms: int, now_ms: int, limit: int | None = None, dashed: bool = False, form: ResetForm
) -> dict[str, str]:
    """Return the headers.

    Args:
        remaining: calls that are still free.
        free_in_ms: milliseconds until one is.
        now_ms: the time, in milliseconds since 1970.
        limit: calls in all.
        dashed: whether they are spelled `X-Rate-Limit-*` rather than `X-RateLimit-*`.
        form: of the reset.
    """
    prefix = "X-Rate-Limit" if dashed else "X-RateLimit"
    reset = free_in_ms
    if form is ResetForm.EPOCH_SECONDS:
        reset = -(-(now_ms + free_in_ms) // 1000)
    elif form is ResetForm.EPOCH_MILLISECONDS:
        reset = now_ms + free_in_ms
    known = {} if limit is None else {f"{prefix}-Limit": str(limit)}
    return {**known, f"{prefix}-Remaining": str(remaining), f"{prefix}-Reset": str(reset)}

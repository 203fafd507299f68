"""Exit statuses."""

FAILED = 1
"""The books do not close, or the work could not be done."""
MISUSED = 2
"""Bad usage, or a bad tenants file."""
WAITING = 3
"""All that could be delivered is, and the books close; something is paused and waits for a person."""

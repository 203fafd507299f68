"""How unwell something is, so that every face shows the gravest first. Pure."""


def severity(*signs: object) -> int:
    """Return how unwell something is by its signs, the gravest first; 0 when it has none of them."""
    return next((len(signs) - n for n, sign in enumerate(signs) if sign), 0)

"""From the store to a tenants file. Pure."""

import yaml
from pydantic import JsonValue

_WIDTH = 120


def export_text(document: dict[str, JsonValue]) -> str:
    """Return a tenants file as YAML.

    The same documents give the same bytes, and what is imported from it is exported as the same bytes again.

    Args:
        document: see `Records.file`.
    """
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=_WIDTH)

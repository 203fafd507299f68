"""The tables that the content reads: their columns with their types in Kusto, as Azure documents them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

ARRIVED: Final = "_IngestionTime"
"""What `ingestion_time()` gives for a row, where tables are kept locally."""
PARSERS: Final = {
    "MimecastTTPAttachment": (
        "Time Generated", "Action Triggered", "File Hash", "File Name", "File Type", "Message ID", "Recipient Address",
        "Result", "Route", "Sender Address", "Subject",
    ),
    "MimecastCG": (
        "Time Generated", "File Name", "Sha256", "Virus Found", "Rejection Type", "Action", "Message ID", "Recipients",
        "Sender Envelope", "Subject",
    ),
}  # fmt: skip
"""What the parsers of Mimecast's own solution give: https://github.com/Azure/Azure-Sentinel/tree/master/Solutions/Mimecast"""
DEFENDER: Final = (
    "EmailAttachmentInfo",
    "EmailEvents",
    "EmailPostDeliveryEvents",
    "DeviceFileEvents",
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
)


@cache
def schemas() -> Mapping[str, dict[str, str]]:
    """Return the columns of each table, and of what each parser gives, with their types."""
    found: dict[str, dict[str, str]] = {}
    for line in (files(__package__) / "schemas.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, columns = line.split(": ", 1)
            found[name] = dict(column.split(":") for column in columns.split())
    common = found.pop("*")
    tables = {name: {**columns, **common} for name, columns in found.items()}
    parsers = {
        name: {column: "datetime" if column == "Time Generated" else "string" for column in columns}
        for name, columns in PARSERS.items()
    }
    return {**tables, **parsers}

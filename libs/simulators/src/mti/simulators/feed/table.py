"""Detections as `|`-delimited text, header first.

The form is documented at https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/
"""

from collections.abc import Iterable, Sequence

from mti.simulators.feed.detection import Detection
from mti.simulators.feed.spec import CsvForm
from mti.simulators.times import in_millis, in_seconds


def _quoted(text: str) -> str:
    if "|" in text or '"' in text or "\n" in text:
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def _hash(detection: Detection, value: str | None) -> str | None:
    return value.upper() if value is not None and detection.upper_case else value


def _cells(detection: Detection) -> dict[str, str | None]:
    file, seen = detection.artefact, detection.seen_ms
    sender = detection.sender
    return {
        "Timestamp": in_seconds(seen) if detection.whole_second else in_millis(seen),
        "SHA256": _hash(detection, file.sha256),
        "SHA1": _hash(detection, file.sha1),
        "MD5": _hash(detection, file.md5),
        "FileName": None if detection.name is None else _quoted(detection.name),
        "FileSize": None if detection.size is None else str(detection.size),
        "FileMimeType": detection.mime,
        "SendingIP": detection.sending_ip,
        "RecipientAddress": detection.recipient,
        "SenderAddress": sender,
        "SenderDomain": None if sender is None else sender.partition("@")[2],
    }


def row_of(detection: Detection, columns: Sequence[str]) -> str:
    """Write one row; what is not known is `null` or empty, as the detection says."""
    cells = _cells(detection)
    unknown = "" if detection.bare_null else "null"
    return "|".join([unknown if (cell := cells[column]) is None else cell for column in columns])


def table(detections: Sequence[Detection], form: CsvForm, extra: Iterable[str] = ()) -> bytes:
    """Write the header and the rows; `extra` are finished rows that stand among the others.

    An empty feed is a header alone.
    """
    rows = [row_of(detection, form.columns) for detection in detections]
    middle = len(rows) // 2
    lines = ("|".join(form.columns), *rows[:middle], *extra, *rows[middle:])
    return ("\n".join(lines) + ("\n" if form.trailing_newline else "")).encode()

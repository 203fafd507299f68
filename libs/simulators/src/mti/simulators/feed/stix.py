"""Detections as a STIX 2.0 bundle, with the fields that Mimecast sends and no others.

Mimecast's form is documented at https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/
"""

from collections.abc import Iterable, Sequence

import orjson

from mti.simulators.feed.detection import Detection
from mti.simulators.times import in_millis

_PATHS = {"sha256": "file:hashes.'SHA-256'", "sha1": "file:hashes.'SHA-1'"}
_MD5_PATHS = ("file:hashes.MD5", "file:hashes.'MD5'", "file:hashes.'MD-5'")


def uuid_of(digits: str) -> str:
    """Form a version 4 UUID from 32 hex digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def pattern_of(detection: Detection) -> str:
    """Return the STIX pattern of the strongest hash; clients have met MD5 under three spellings."""
    kind, value = detection.strongest()
    path = _PATHS.get(kind) or _MD5_PATHS[int(detection.ids[0], 16) % 3]
    return f"[{path} = '{value.upper() if detection.upper_case else value}']"


def objects_of(detection: Detection) -> str:
    """Return the malware, the indicator and the relationship, as JSON without the array's brackets."""
    ids, when = detection.ids, in_millis(detection.seen_ms)
    malware, indicator, relation = uuid_of(ids[:32]), uuid_of(ids[32:64]), uuid_of(ids[64:])
    name = "" if detection.title is None else f'"name":{orjson.dumps(detection.title).decode()},'
    times = f'"created":"{when}","modified":"{when}"'
    return (
        f'{{"type":"malware","id":"malware--{malware}",{times},{name}"labels":["virus"]}},'
        f'{{"type":"indicator","id":"indicator--{indicator}",{times},"labels":["malicious-activity"],'
        f'"pattern":"{pattern_of(detection)}","valid_from":"{when}"}},'
        f'{{"type":"relationship","id":"relationship--{relation}",{times},"relationship_type":"indicates",'
        f'"source_ref":"indicator--{indicator}","target_ref":"malware--{malware}"}}'
    )


def bundle(detections: Sequence[Detection], bundle_id: str, extra: Iterable[str] = ()) -> bytes:
    """Write a bundle; `extra` are finished objects that stand among the others.

    An empty feed is a bundle without objects. `bundle_id` is 32 hex digits.
    """
    parts = [objects_of(detection) for detection in detections]
    middle = len(parts) // 2
    objects = ",".join((*parts[:middle], *extra, *parts[middle:]))
    head = f'{{"type":"bundle","id":"bundle--{uuid_of(bundle_id)}","spec_version":"2.0","objects":['
    return f"{head}{objects}]}}".encode()

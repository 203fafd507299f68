"""Makes detections from a seed: the same spec and end give the same feed, to the byte."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from random import Random

from mti.simulators.feed.detection import Artefact, Detection
from mti.simulators.feed.spec import FeedSpec
from mti.simulators.feed.vocabulary import (
    EICAR_MD5,
    EICAR_SHA1,
    EICAR_SHA256,
    KINDS,
    Vocabulary,
    build_vocabulary,
)
from mti.simulators.times import to_ms

TEST_FILE = Artefact(EICAR_SHA256, EICAR_SHA1, EICAR_MD5, 68, "text/plain", "com", test_file=True)


@lru_cache(maxsize=65_536)
def artefact(spec: FeedSpec, number: int) -> Artefact:
    """Return the feed's file of that number: 0 to `distinct_files` - 1, and beyond for what is published later."""
    text = f"{spec.seed}/{number}".encode()
    sha256 = hashlib.sha256(text).hexdigest()
    sha1 = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    dice = int(sha256[:8], 16) / 0xFFFFFFFF
    extension, mime = KINDS[int(sha1[:4], 16) % len(KINDS)]
    size = 600 + int(md5[:5], 16)
    if dice < spec.md5_only_rate:
        return Artefact(None, None, md5, size, mime, extension)
    if dice < spec.md5_only_rate + spec.sha1_only_rate:
        return Artefact(None, sha1, None, size, mime, extension)
    return Artefact(sha256, sha1, md5, size, mime, extension)


def generate(spec: FeedSpec, end: datetime) -> list[Detection]:
    """Return the feed's detections, oldest first, spread over the `hours` before `end`.

    Every file is seen at least once and a few of them very often, as in a real wave of mail.
    """
    rng = Random(spec.seed)  # noqa: S311  simulated data, no secret
    end_ms = to_ms(end)
    span = int(spec.hours * 3_600_000)
    seen = sorted(end_ms - int(rng.random() * span) for _ in range(spec.detections))
    files = [TEST_FILE] * spec.test_files
    files += _with_repeats(spec, spec.detections - spec.test_files, rng)
    rng.shuffle(files)
    late = set(rng.sample(range(spec.detections), spec.late))
    visible_late = end_ms + int(spec.late_after_seconds * 1000)
    words = build_vocabulary(rng)
    return [
        sighting(spec, file, ms, rng, words, visible_ms=visible_late if n in late else None)
        for n, (file, ms) in enumerate(zip(files, seen, strict=True))
    ]


def _with_repeats(spec: FeedSpec, count: int, rng: Random) -> list[Artefact]:
    if count == 0:
        return []
    distinct = spec.distinct_files
    repeats = (artefact(spec, int(distinct * rng.random() ** 2)) for _ in range(count - distinct))
    return [artefact(spec, number) for number in range(distinct)] + list(repeats)


def sighting(
    spec: FeedSpec, file: Artefact, seen_ms: int, rng: Random, words: Vocabulary, *, visible_ms: int | None = None
) -> Detection:
    """Make one detection of a file; without `visible_ms` it shows as soon as it was seen."""
    dice = rng.random
    whole_second = dice() < 0.5
    if whole_second:
        seen_ms -= seen_ms % 1000
    subject = "eicar" if file.test_file else words.subjects[int(dice() * len(words.subjects))]
    name = f"{subject}.{file.extension}"
    missing = spec.missing_rate
    return Detection(
        seen_ms=seen_ms,
        visible_ms=seen_ms if visible_ms is None else visible_ms,
        ids=f"{rng.getrandbits(384):096x}",
        artefact=file,
        upper_case=dice() < spec.upper_case_rate,
        whole_second=whole_second,
        bare_null=dice() < 0.5,
        name=None if dice() < missing else name,
        title=None if dice() < spec.title_missing_rate else (name if dice() < 0.7 else subject),
        size=None if dice() < missing else file.size,
        mime=None if dice() < missing else file.mime,
        sending_ip=None if dice() < missing else words.ips[int(dice() * len(words.ips))],
        recipient=words.recipients[int(dice() * len(words.recipients))],
        sender=words.senders[int(dice() * len(words.senders))],
    )


def grid_copies(detections: Iterable[Detection], seed: int) -> Iterator[Detection]:
    """Return the detections as the region's grid shows them: under ids of their own, without the recipient."""
    rng = Random(f"{seed}/copies")  # noqa: S311  simulated data, no secret
    for detection in detections:
        yield detection._replace(ids=f"{rng.getrandbits(384):096x}", recipient=None)

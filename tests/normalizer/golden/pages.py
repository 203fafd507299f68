"""Pages of both feeds as bytes: ordinary ones, and all the odd ones that are read by a rule of ours."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from mti.simulators import FeedSpec, generate
from mti.simulators.feed.spec import CsvForm
from mti.simulators.feed.stix import bundle
from mti.simulators.feed.table import table
from tests.normalizer.world import HEADER, NOW, at, md5, row, sha256, stix

MALWARE, INDICATOR, RELATION = range(3)
ODD_VALUES = {
    "true": "true",
    "null": "null",
    "zero-minus": "-0.0",
    "float": "1.0",
    "exponent": "1e3",
    "long float": "0.1000000000000000055511151231257827",
    "largest signed": str(2**63 - 1),
    "smallest signed": str(-(2**63)),
    "largest unsigned": str(2**64 - 1),
    "beyond unsigned": str(2**64),
    "huge": "1" + "0" * 30,
    "five thousand digits": "7" * 5000,
    "infinite": "1e999",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "escapes": r'"\u00fc\/\b\f\n\r\t\u0000\u001f\u007f\u2028 \ud83d\ude00 \"\\"',
    "half a character": r'"\ud83d"',
    "other half": r'"\udc00x"',
    "empty": '""',
    "list": "[1, [2, {}], []]",
    "object": '{"b": 1, "a": {"c": [null, false]}}',
    "nested 100": "[" * 100 + "]" * 100,
    "nested 190": "[" * 190 + "]" * 190,
    "nested 200": "[" * 200 + "]" * 200,
    "nested 1100": "[" * 1100 + "]" * 1100,
    "nested objects 150": '{"a":' * 150 + "1" + "}" * 150,
    "nested objects 300": '{"a":' * 300 + "1" + "}" * 300,
    "unquoted": '"a "quoted" name"',
    "control": '"a\x01b"',
}
"""Written into a field that nobody reads, into a name and into a label."""
PATTERNS = {
    "md5": f"[file:hashes.MD5 = '{md5('p')}']",
    "md-5 quoted": f"[file:hashes.'MD-5' = '{md5('p').upper()}']",
    "sha1": "[file:hashes.'SHA-1' = '3395856ce81f2b7382dee72602f798b642f14141']",
    "bare": f"[file:hashes.SHA256='{sha256('q')}']",
    "blanks": f"  [ file:hashes.'SHA-256'  =  '{sha256('q')}'  ]  ",
    "padded value": f"[file:hashes.'SHA-256' = ' {sha256('q')} ']",
    "test file": "[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f']",
    "one file": f"[file:hashes.'SHA-256' = '{sha256('r')}' AND file:hashes.MD5 = '{md5('r')}']",
    "several": f"[file:hashes.MD5 = '{md5('s')}' OR file:hashes.MD5 = '{md5('t')}'] OR [url:value = 'http://A.example/B']",
    "twice the same": f"[file:hashes.MD5 = '{md5('s')}'] OR [file:hashes.MD5 = '{md5('s').upper()}']",
    "domain": "[domain-name:value = 'BÜCHER.example']",
    "address": "[ipv4-addr:value = '192.0.2.7/32']",
    "network": "[ipv6-addr:value = '2001:DB8::/32']",
    "mail": r"[email-addr:value = 'O\'Brien@Contoso.example']",
    "url": r"[url:value = 'https://x.example/a\\b?c=\'d\'']",
    "allowed": "[domain-name:value = 'Allowed.example.']",
    "unknown path": "[process:name = 'x']",
    "bad hash": "[file:hashes.'SHA-256' = 'zz']",
    "wrong digits": f"[file:hashes.'SHA-256' = '{md5('q')}']",
    "not hex": f"[file:hashes.MD5 = '{'z' * 32}']",
    "other digits": f"[file:hashes.MD5 = '{chr(0x661) * 32}']",
    "kelvin": f"[file:hashes.MD5 = '{chr(0x212A) * 32}']",
    "sha512": "[file:hashes.'SHA-512' = 'ab']",
    "mixed and": f"[file:hashes.MD5 = '{md5('s')}' AND url:value = 'http://a']",
    "not equal": f"[file:hashes.MD5 != '{md5('s')}']",
    "cut": f"[file:hashes.MD5 = '{md5('s')}'",
    "line feed behind": f"[file:hashes.MD5 = '{md5('s')}']\n",
    "empty": "",
    "blank": "  ",
}
TIMES = {
    "millis": "2026-11-23T10:15:30.099Z",
    "seconds": "2026-11-23T10:15:30Z",
    "offset": "2026-11-23T10:15:30+0000",
    "colon": "2026-11-23T12:15:30+02:00",
    "micros": "2026-11-23T10:15:30.123456Z",
    "nanos": "2026-11-23T10:15:30.123456789Z",
    "blank": "2026-11-23 10:15:30.099Z",
    "lower case": "2026-11-23t10:15:30.099z",
    "week": "2026-W48-2T10:15:30.099Z",
    "comma": "2026-11-23T10:15:30,099Z",
    "no zone": "2026-11-23T10:15:30.099",
    "no day": "2026-02-30T10:15:30.099Z",
    "24 hours": "2026-11-23T24:00:00.000Z",
    "leap second": "2026-11-23T23:59:60.000Z",
    "old": "1999-11-23T10:15:30.099Z",
    "future": "2999-11-23T10:15:30.099Z",
    "bare date": "2026-11-23",
    "other digits": "2026-11-2٣T10:15:30.099Z",
    "far offset": "2026-11-23T10:15:30+23:59",
    "blank around": " 2026-11-23T10:15:30.099Z ",
    "empty": "",
}


def pages() -> Iterator[tuple[str, bytes]]:
    """Yield the pages with their names."""
    yield from ordinary()
    yield from forms()
    yield from bundles()
    for name, value in ODD_VALUES.items():
        yield f"value {name}", with_value(value)
    yield "patterns", text_of(stix(name, at(minutes=-n), pattern=p) for n, (name, p) in enumerate(PATTERNS.items()))
    yield "times", text_of(dated(name, time) for name, time in TIMES.items())
    yield from fields()
    yield from tables()


def ordinary() -> Iterator[tuple[str, bytes]]:
    spec = FeedSpec(seed=7, detections=1300, md5_only_rate=0.1)
    found = list(generate(spec, NOW))
    yield "ordinary stix", bundle(found, "ab" * 16)
    yield "the same later", bundle(list(generate(spec, NOW + timedelta(days=20)))[:300], "ab" * 16)
    yield "ordinary csv", table(found[:500], spec.csv)
    other = CsvForm(columns=("SHA256", "SHA1", "MD5", "SendingIP", "FileName", "Timestamp"), trailing_newline=True)
    yield "csv of other columns", table(found[300:700], other)
    yield "long names", text_of(stix(f"long {n}", at(seconds=n), name="ÄÖ" * 900 + str(n)) for n in range(60))


def forms() -> Iterator[tuple[str, bytes]]:
    page = text_of([stix("form", at(hours=1), name="Grüße.pdf")])
    yield "marked", b"\xef\xbb\xbf" + page
    yield "utf-16", page.decode().encode("utf-16")
    yield "gzip", gzip.compress(page)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.json", page)
        archive.writestr("b.json", text_of([stix("form b", at(hours=2))]))
        archive.writestr("c.csv", csv_of(row("form c")))
    yield "zip", packed.getvalue()
    yield "blanks", b" \r\n\t" + json.dumps(json.loads(page), indent=3).encode() + b"\n "
    yield "broken characters", page.replace("ü".encode(), b"\xfc")
    yield "cut short", page[:-30]
    yield "rubbish behind", page + b"x"
    yield "escaped keys", page.replace(b'"type"', rb'"t\u0079pe"').replace(b'"pattern"', rb'"p\u0061ttern"')


def bundles() -> Iterator[tuple[str, bytes]]:
    a, b, c = (stix(name, at(minutes=-n)) for n, name in enumerate("xyz"))
    yield "no objects", b'{"type":"bundle","id":"b"}'
    yield "empty objects", bundle_of([])
    yield "null objects", b'{"type":"bundle","objects":null}'
    yield "untyped", json.dumps({"objects": a}).encode()
    yield "objects twice", b'{"type":"bundle","objects":' + dumped(a) + b',"objects":' + dumped(b) + b"}"
    yield "more in the bundle", json.dumps({"type": "bundle", "objects": a, "x": {"y": [1, None]}}).encode()
    yield "far apart", bundle_of([a[0], b[0], c[0], a[1], b[1], c[1], a[2], b[2], c[2]])
    yield "backwards", bundle_of([*a, *b, *c][::-1])
    yield "shared malware", bundle_of([a[0], a[1], b[1], a[2], {**b[2], "target_ref": a[0]["id"]}, *c])
    large = {**a[0], "description": "d" * 5000}
    yield "large shared malware", bundle_of([large, a[1], b[1], a[2], {**b[2], "target_ref": a[0]["id"]}])
    yield "same ids", bundle_of([*a, *a, *stix("x", at(), name="other.exe"), *a])
    yield "strays", bundle_of([a[0], b[1], c[2], {"type": "identity", "id": "identity--1"}, {"type": "malware"}])
    yield "a relationship to nobody", bundle_of([a[0], a[1], {**a[2], "source_ref": "indicator--nobody"}, *b])
    yield "to itself", bundle_of([a[0], a[1], {**a[2], "target_ref": a[1]["id"]}, *b])
    yield (
        "two relationships",
        bundle_of([*a, {**a[2], "id": "relationship--2"}, b[0], {**a[2], "target_ref": b[0]["id"]}]),
    )
    yield "no objects among them", bundle_of([*a, None, 5, "text", [b[1]], *c])
    yield "indicator alone", bundle_of([a[1]])
    yield "kinds", bundle_of([{**a[1], "type": "Indicator"}, {**b[1], "type": None}, {**c[1], "type": 5}])


def fields() -> Iterator[tuple[str, bytes]]:
    """Yield pages in which a field is doubled, missing, of another kind or added."""
    for place, name in (
        (MALWARE, "name"), (MALWARE, "labels"), (MALWARE, "id"), (INDICATOR, "id"), (INDICATOR, "pattern"),
        (INDICATOR, "created"), (INDICATOR, "type"), (RELATION, "source_ref"),
    ):  # fmt: skip
        whole = stix(f"field {place} {name}")
        for what, value in (("null", None), ("number", 7), ("list", ["a"]), ("object", {"a": "b"}), ("empty", "")):
            changed = [{**each, name: value} if n == place else each for n, each in enumerate(whole)]
            yield f"{name} of {place} {what}", bundle_of([*stix("neighbour"), *changed])
        less = [{k: v for k, v in each.items() if k != name} if n == place else each for n, each in enumerate(whole)]
        yield f"{name} of {place} missing", bundle_of([*stix("neighbour"), *less])
        text = text_of([whole])
        member = json.dumps(name).encode() + b":" + json.dumps(whole[place][name], separators=(",", ":")).encode()
        first = json.dumps(name).encode() + b':"first",'
        yield f"{name} of {place} twice", text.replace(member, first + member, 1)
    labelled = stix("labels")
    labelled[MALWARE]["labels"] = ["trojan", 5, None, "trojan", "  a\u0000b  ", "l" * 90, "ü", *map(str, range(9))]
    yield "labels", bundle_of(labelled)
    named = [stix(f"name {n}", at(seconds=n), name=name) for n, name in enumerate(
        ("", " ", "a\u202eb.exe", "a\tb\r\nc", "n" * 201, "n" * 200, "x.pdf ", "İ.PDF", "a.Smith", "\u0000", "😀.zip")
    )]  # fmt: skip
    yield "names", text_of(named)
    yield "long id", bundle_of([{**stix("long id")[INDICATOR], "id": "indicator--" + "x" * 200}])
    yield "seen at once", text_of([stix("at once", name=n) for n in ("b.exe", "a.exe", None, "b.exe")] * 2)
    extra = {"created_by_ref": "identity--1", "revoked": False, "confidence": 80, "x_mimecast": {"b": 1, "a": [1.5]}}
    yield "new fields", bundle_of([{**each, **extra} for n in range(5) for each in stix(f"new {n}")])


def tables() -> Iterator[tuple[str, bytes]]:
    yield (
        "csv oddities",
        csv_of(
            row("c0", FileName='"quoted|name.pdf"'),
            row("c1", SHA256="null", MD5=""),
            row("c2", SHA256="zz"),
            row("c3", Timestamp="never"),
            row("c4", FileSize="-1", SendingIP="nobody"),
            row("c5", FileSize="9" * 16, SendingIP="2001:DB8::1"),
            row("c6")[:-1],
            [*row("c7"), "more"],
            ["ragged"],
            row("c8", FileName='"open'),
            row("c9", SHA256=sha256("c9").upper(), Timestamp="2026-11-23 10:15:30.5Z"),
            row("c10", SHA256="275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"),
            row("c11", FileName="a\x85b\u2028.pdf"),
        ),
    )
    yield "csv cut short", csv_of(row("cut"))[:-200]
    yield "csv of broken characters", csv_of(row("chars", FileName="Grüße.pdf")).replace("ü".encode(), b"\xfc")
    yield "header alone", csv_of()
    yield "markup", b"<html></html>"
    yield "text", b"nothing of the kind"


def with_value(value: str) -> bytes:
    """Return a page of three detections: the value stands in the second, in a field of no use, a name and a label."""
    found: list[Any] = [
        *stix("before"),
        *stix("odd"),
        *stix("odd name"),
        *stix("odd label"),
        *stix("after", at(days=16)),
    ]
    found[3 + INDICATOR]["x_odd"] = "(here)"
    found[6 + MALWARE]["name"] = "(here)"
    found[9 + MALWARE]["labels"] = ["virus", "(here)"]
    return bundle_of(found).replace(b'"(here)"', value.encode())


def dated(name: str, time: str) -> list[Any]:
    found = stix(name)
    found[INDICATOR] |= {"created": time, "valid_from": time, "modified": time}
    return found


def dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def bundle_of(objects: list[Any]) -> bytes:
    return b'{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":' + dumped(objects) + b"}"


def text_of(detections: Any) -> bytes:
    return bundle_of([each for detection in detections for each in detection])


def csv_of(*rows: list[Any]) -> bytes:
    return "\n".join("|".join(line) for line in [HEADER, *rows]).encode() + b"\n"

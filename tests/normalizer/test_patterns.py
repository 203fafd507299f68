"""The patterns that are understood, and the words for those that are not."""

import pytest

from mti.normalizer.observables import Observable, Rejected
from mti.normalizer.parsing.patterns import observables_of
from tests.normalizer.world import md5, sha256

pytestmark = pytest.mark.pure

SHA256 = sha256("a file")
SHA1 = "3395856ce81f2b7382dee72602f798b642f14140"
MD5 = md5("a file")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (f"[file:hashes.'SHA-256' = '{SHA256}']", [("file:hashes.'SHA-256'", SHA256)]),
        (f"[file:hashes.'SHA-256' = '{SHA256.upper()}']", [("file:hashes.'SHA-256'", SHA256)]),
        (f"[file:hashes.SHA256='{SHA256}']", [("file:hashes.'SHA-256'", SHA256)]),
        (f"[file:hashes.'SHA-1' = '{SHA1}']", [("file:hashes.'SHA-1'", SHA1)]),
        (f"[file:hashes.MD5 = '{MD5}']", [("file:hashes.MD5", MD5)]),
        (f"[file:hashes.'MD5' = '{MD5}']", [("file:hashes.MD5", MD5)]),
        (f"[file:hashes.'MD-5' = '{MD5}']", [("file:hashes.MD5", MD5)]),
        (f" [ file:hashes.md5 = '{MD5}' ] ", [("file:hashes.MD5", MD5)]),
        (
            f"[file:hashes.MD5 = '{MD5}' AND file:hashes.'SHA-256' = '{SHA256}']",
            [("file:hashes.MD5", MD5), ("file:hashes.'SHA-256'", SHA256)],
        ),
        (
            f"[file:hashes.MD5 = '{MD5}' OR url:value = 'http://a.example/']",
            [("file:hashes.MD5", MD5), ("url:value", "http://a.example/")],
        ),
        (
            f"[file:hashes.MD5 = '{MD5}'] OR [domain-name:value = 'A.Example']",
            [("file:hashes.MD5", MD5), ("domain-name:value", "a.example")],
        ),
        (f"[file:hashes.MD5 = '{MD5}'] OR [file:hashes.MD5 = '{MD5}']", [("file:hashes.MD5", MD5)]),
        (r"[url:value = 'http://a.example/?q=\'b\\c\'']", [("url:value", r"http://a.example/?q='b\c'")]),
        ("[ipv4-addr:value = '192.0.2.1']", [("ipv4-addr:value", "192.0.2.1")]),
        ("[ipv4-addr:value = '192.0.2.0/24']", [("ipv4-addr:value", "192.0.2.0/24")]),
        ("[ipv6-addr:value = '2001:DB8:0:0::1']", [("ipv6-addr:value", "2001:db8::1")]),
        ("[email-addr:value = 'Billing@Example.com']", [("email-addr:value", "billing@example.com")]),
    ],
)
def test_each_comparison_becomes_an_observable(pattern: str, expected: list[tuple[str, str]]) -> None:
    assert observables_of(pattern) == tuple(Observable(*found) for found in expected)


@pytest.mark.parametrize(
    "pattern",
    [
        f"[file:hashes.'SHA-256' = '{SHA256}",
        f"file:hashes.'SHA-256' = '{SHA256}'",
        f"[file:hashes.'SHA-256' != '{SHA256}']",
        f"[file:hashes.'SHA-512' = '{SHA256 * 2}']",
        f"[file:hashes.MD5 = '{MD5}' AND url:value = 'http://a.example/']",
        f"[file:hashes.MD5 = '{MD5}' AND file:hashes.MD5 = '{md5('another')}']",
        f"[file:hashes.MD5 = '{MD5}'] AND [file:hashes.'SHA-1' = '{SHA1}']",
        f"[file:hashes.MD5 = '{MD5}'] FOLLOWEDBY [file:hashes.'SHA-1' = '{SHA1}']",
        f"[file:hashes.MD5 = '{MD5}'] START t'2026-11-24T00:00:00Z' STOP t'2026-11-25T00:00:00Z'",
        f"[(file:hashes.MD5 = '{MD5}')]",
        f"[file:hashes.MD5 = '{MD5}'] OR",
        f"[file:hashes.MD5 = '{MD5}' OR]",
        "[file:name = 'Invoice.pdf']",
        "[url:value = '']",
        "[url:value = 'a\tb']",
        r"[url:value = 'http://a.example/\d']",
        "[ipv4-addr:value = '2001:db8::1']",
        "[ipv4-addr:value = '300.1.1.1']",
        "[email-addr:value = 'nobody']",
        "[]",
        "]",
    ],
)
def test_any_other_pattern_is_rejected_as_a_whole(pattern: str) -> None:
    with pytest.raises(Rejected) as caught:
        observables_of(pattern)
    assert caught.value.reason == "UnsupportedPattern"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (f"[file:hashes.'SHA-256' = '{SHA256[:-1]}']", "has 63 characters and not 64"),
        (f"[file:hashes.MD5 = '{SHA256}']", "has 64 characters and not 32"),
        (f"[file:hashes.'SHA-256' = '{SHA256[:-1]}g']", "holds what is no hexadecimal digit"),
    ],
)
def test_a_hash_that_is_none_is_rejected_with_what_is_wrong(pattern: str, words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        observables_of(pattern)
    assert caught.value.reason == "BadHash"


def test_a_rejection_does_not_repeat_an_address() -> None:
    with pytest.raises(Rejected) as caught:
        observables_of("[file:hashes.MD5 = 'victim@contoso.example']")
    assert "victim" not in str(caught.value)

"""What is not sent, and the reasons."""

import hashlib
from dataclasses import replace

import pytest

from mti.common.registry import IndicatorPolicy, TestFilePolicy
from mti.normalizer.admission import Admitted, admit, narrowed
from mti.normalizer.indicators.policy import ALLOW_LISTED, TEST_FILES, reason_of
from mti.normalizer.observables import value_observable
from mti.normalizer.parsing import Sighting, parse
from tests.common.tenants import load, tenant
from tests.normalizer.world import DEFAULT, STRICT, chunk, md5, row, sha256, stix

pytestmark = pytest.mark.pure

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def under(policy: IndicatorPolicy, *sightings: Sighting) -> Admitted:
    return admit(sightings, policy)


def seen(*records: list[object], csv: bool = False) -> list[Sighting]:
    return parse(chunk(*records, csv=csv)).sightings


@pytest.mark.parametrize("content", [EICAR, EICAR + b"\n", b""])
@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_the_test_files_are_known_by_each_of_their_hashes(content: bytes, algorithm: str) -> None:
    assert hashlib.new(algorithm, content, usedforsecurity=False).hexdigest() in TEST_FILES


def test_a_test_file_is_dropped_with_that_reason() -> None:
    [eicar] = seen(stix(pattern="[file:hashes.MD5 = '44D88612FEA8A8F36DE82E1278ABB02F']"))
    assert under(DEFAULT, eicar) == Admitted(dropped={0: "TestFile"})


def test_test_files_can_be_kept() -> None:
    [eicar] = seen(stix(pattern="[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f']"))
    assert under(replace(DEFAULT, test_files=TestFilePolicy.KEEP), eicar).sightings == [eicar]


def test_a_file_that_is_allowed_by_one_hash_is_allowed_by_the_others() -> None:
    policy = replace(DEFAULT, allow_list=frozenset({sha256("a file")}))
    assert under(policy, *seen(row(), csv=True)).dropped == {0: "AllowListed"}


def test_hashes_of_different_files_are_allowed_each_for_itself() -> None:
    either = f"[file:hashes.MD5 = '{md5('a')}' OR file:hashes.MD5 = '{md5('b')}']"
    policy = replace(DEFAULT, allow_list=frozenset({md5("a")}))
    [left] = under(policy, *seen(stix(pattern=either))).sightings
    assert [observable.value for observable in left.observables] == [md5("b")]


@pytest.mark.parametrize(
    ("kind", "sent", "written"),
    [
        ("ipv6-addr", "2001:DB8::1", "2001:DB8:0:0:0:0:0:1"),
        ("ipv4-addr", "192.0.2.7", "192.0.2.7/32"),
        ("domain-name", "Bücher.example", "XN--bcher-kva.example."),
        ("domain-name", "a.example.", "A.Example"),
        ("url", "http://A.example", "HTTP://a.example:80/"),
        ("email-addr", "Me@Bücher.example", "me@xn--bcher-kva.example"),
    ],
)
def test_an_allow_list_means_a_thing_however_it_is_written(kind: str, sent: str, written: str) -> None:
    policy = load(tenant(), indicator={"allow_list": [written]}).routes[0].policy
    assert reason_of(value_observable(kind, sent), policy) == ALLOW_LISTED
    assert reason_of(value_observable("domain-name", "other.example"), policy) is None


def test_an_allow_list_compares_urls_without_their_case() -> None:
    policy = replace(DEFAULT, allow_list=frozenset({"http://a.example/path"}))
    assert under(policy, *seen(stix(pattern="[url:value = 'http://A.example/Path']"))).dropped == {0: "AllowListed"}


def test_positions_tell_the_sightings_that_are_left_from_those_that_are_not() -> None:
    policy = replace(DEFAULT, allow_list=frozenset({sha256("b")}))
    found = under(policy, *seen(stix("a"), stix("b"), stix("c")))
    assert found.positions == [0, 2]
    assert found.dropped == {1: "AllowListed"}


def test_policies_that_treat_the_sightings_alike_become_equal() -> None:
    sightings = seen(stix("a"), stix(pattern="[domain-name:value = 'Evil.Example']"))
    policies = [
        DEFAULT,
        replace(DEFAULT, allow_list=frozenset({"elsewhere.example"})),
        replace(DEFAULT, test_files=TestFilePolicy.KEEP),
        replace(DEFAULT, allow_list=frozenset({"evil.example", "elsewhere.example"})),
        replace(DEFAULT, allow_list=frozenset({sha256("a")})),
        STRICT,
    ]
    found = narrowed(policies, sightings)
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 4
    for whole, part in zip(policies, found, strict=True):
        assert admit(sightings, part) == admit(sightings, whole)


def test_a_policy_for_test_files_matters_where_there_is_one() -> None:
    eicar = stix(pattern=f"[file:hashes.MD5 = '{hashlib.md5(EICAR).hexdigest()}']")
    keep, drop = narrowed([replace(DEFAULT, test_files=TestFilePolicy.KEEP), DEFAULT], seen(eicar))
    assert under(keep, *seen(eicar)).dropped == {}
    assert under(drop, *seen(eicar)).dropped == {0: "TestFile"}

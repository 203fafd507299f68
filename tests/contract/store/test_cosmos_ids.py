"""Ids as Cosmos DB stores them: within its rules, unique, and in our order."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.adapters.cosmos.ids import MAX_BYTES, decode_id, encode_id
from tests.contract.store.contract import TRICKY_IDS

pytestmark = pytest.mark.pure

ids = st.text(
    st.one_of(st.sampled_from("./?#\\>[-~!0Aa: "), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=200
)


@given(ids)
def test_an_id_comes_back_as_it_was(id: str) -> None:
    assert decode_id(encode_id(id)) == id


@given(ids)
def test_a_stored_id_is_one_that_the_service_takes(id: str) -> None:
    stored = encode_id(id)
    assert re.fullmatch(r"[!-~]+", stored)
    assert not set(stored) & set("/\\?#%+& ")
    assert stored not in (".", "..")
    assert len(stored) <= MAX_BYTES


@given(ids, ids)
def test_stored_ids_sort_as_the_ids_do(one: str, other: str) -> None:
    assert (encode_id(one) < encode_id(other)) == (one < other)


def test_all_of_ascii_sorts_as_it_does() -> None:
    characters = [chr(code) for code in range(0x180)]
    assert sorted(characters, key=encode_id) == characters
    assert sorted(TRICKY_IDS, key=encode_id) == sorted(TRICKY_IDS)


def test_what_people_read_stays_readable() -> None:
    assert encode_id("grid:eu") == "grid:eu"
    assert encode_id("contoso/malware_customer") == "contoso.~malware_customer"
    assert encode_id("indicator--7d3f0c5e") == "indicator--7d3f0c5e"


def test_an_id_beyond_what_the_service_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="1023"):
        encode_id("a" * (MAX_BYTES + 1))

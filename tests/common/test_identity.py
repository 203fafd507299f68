"""Ids of indicators: how they are told from other texts, and from those of later generations."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import (
    are_indicator_ids,
    generation_id,
    is_indicator_id,
    observable_in,
    own_id,
    pattern_of,
)
from mti.common.contracts.identity import GENERATIONS_READ

pytestmark = pytest.mark.pure

ID = generation_id("url:value", "http://a.example/")
ODD = [
    "",
    "\n",
    ID.upper(),
    f"{ID}\n",
    f"{ID}\n{ID}",
    f"\n{ID}",
    ID[:-1],
    ID.replace("-5", "--"),
    ID.replace("indicator", "in1i23tor"),
    ID.replace("indicator--", "indicat0r--"),
    "indicator--indicator--0000-0000-000000000000",
    f"indicator--{'g' * 8}-0000-0000-0000-000000000000",
    "indicator--\u0660\u0661\u0662\u06630000-0000-0000-0000-000000000000",
]


@pytest.mark.parametrize("odd", ODD)
def test_one_that_is_no_id_is_noticed_among_others(odd: str) -> None:
    assert not is_indicator_id(odd)
    assert not are_indicator_ids([ID, odd, ID])


@given(st.lists(st.sampled_from([ID, generation_id("url:value", "b")]) | st.sampled_from(ODD) | st.text(), max_size=4))
def test_all_are_ids_when_each_is(ids: list[str]) -> None:
    assert are_indicator_ids(ids) == all(is_indicator_id(id) for id in ids)


@given(st.text(max_size=8), st.integers(0, GENERATIONS_READ + 1))
def test_the_id_of_any_generation_that_is_read_leads_to_the_own_one(value: str, generation: int) -> None:
    try:
        id = generation_id("url:value", value, generation)
    except UnicodeEncodeError:
        return
    own = generation_id("url:value", value)
    expected = own if generation < GENERATIONS_READ else id
    assert own_id(id, pattern_of("url:value", value)) == expected
    assert own_id(f"{id[:-1]}g", pattern_of("url:value", value)) == f"{id[:-1]}g"
    assert own_id(id, "[url:value IN ('a')]") == id


PATTERN = re.compile(r"\[(?P<key>[^\s=\[\]]+) = '(?P<value>(?:[^'\\]|\\.)*)'\]", re.DOTALL)
"""As it says itself best, and takes four times as long."""


@given(st.text(alphabet="a'\\]\n =[", max_size=12), st.booleans())
def test_an_observable_is_found_in_its_pattern_alone(text: str, whole: bool) -> None:
    pattern = f"[k = '{text}']" if whole else text
    found = PATTERN.fullmatch(pattern)
    expected = None if found is None else (found["key"], re.sub(r"(?s)\\(.)", r"\1", found["value"]))
    assert observable_in(pattern) == expected


@given(st.text(alphabet="a'\\]\n =[", max_size=12), st.integers(0, 2), st.booleans())
def test_an_own_id_is_told_the_same_however_odd_the_pattern(text: str, generation: int, whole: bool) -> None:
    pattern = f"[k = '{text}']" if whole else text
    found = observable_in(pattern)
    id = generation_id(*(found or ("k", text)), generation)
    assert own_id(id, pattern) == (id if found is None else generation_id(*found))

"""Long lists in parts."""

import pytest

from mti.console.paging import PER_PAGE, Narrowing

pytestmark = pytest.mark.pure


def test_the_unwell_come_first_and_the_others_keep_their_order() -> None:
    part = Narrowing().part("/rows", ["a", "b", "c!", "d"], 4, lambda row: int("!" in row))
    assert list(part.rows) == ["c!", "a", "b", "d"]


def test_a_page_holds_so_many_and_the_last_one_the_rest() -> None:
    rows = list(range(2 * PER_PAGE + 3))
    part = Narrowing(page=3).part("/rows", rows, len(rows), lambda _: 0)
    assert list(part.rows) == rows[2 * PER_PAGE :]
    assert (part.first, part.last, part.pages) == (101, 103, 3)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "٣", ""])
def test_a_page_that_there_is_not_is_one_that_there_is(page: str) -> None:
    rows = list(range(PER_PAGE + 1))
    part = Narrowing.of({"page": page}, ["all"]).part("/rows", rows, len(rows), lambda _: 0)
    assert part.number == 1


def test_the_address_of_another_page_keeps_the_filters() -> None:
    asked = Narrowing.of({"q": "a&b c", "show": "unwell", "page": "2"}, ["all", "unwell"])
    assert asked.part("/rows", [], 0, lambda _: 0).at(4) == "/rows?q=a%26b+c&show=unwell&page=4"


def test_every_word_must_be_somewhere() -> None:
    asked = Narrowing.of({"q": "Contoso EU"}, ["all"])
    assert asked.takes("contoso/malware_customer", "eu")
    assert not asked.takes("contoso/malware_customer", "us")


def test_what_is_not_to_be_shown_is_not_known() -> None:
    assert Narrowing.of({"show": "<script>"}, ["all", "unwell"]).show == "all"

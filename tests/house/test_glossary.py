"""The glossary keeps its words: each is in use on the other pages and in the code, and the names beside it exist."""

import re
from functools import cache

import pytest

from tests.house.names import defined, words_of
from tests.house.pages.generated import ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
ROWS = re.findall(r"^\| (\*\*.+?) \| (.+?) \| (.*?) ?\|$", GLOSSARY.read_text(), re.MULTILINE)
TERMS = sorted({term for heads, meaning, _ in ROWS for term in re.findall(r"\*\*(.+?)\*\*", f"{heads} {meaning}")})
NAMES = sorted({name for _, _, names in ROWS for name in re.findall(r"`(\w+)`", names)})


@cache
def pages() -> str:
    other = [page for page in ROOT.glob("docs/**/*.md") if page != GLOSSARY]
    return "\n".join(page.read_text() for page in (ROOT / "README.md", *other)).casefold()


@cache
def words_in_names() -> frozenset[str]:
    return frozenset(word for each in defined() for word in words_of(each.name))


def test_no_word_is_explained_twice() -> None:
    terms = [term for heads, _, _ in ROWS for term in re.findall(r"\*\*(.+?)\*\*", heads)]
    assert len(terms) > 40
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


@pytest.mark.parametrize("term", TERMS)
def test_a_word_of_the_glossary_is_used_on_another_page(term: str) -> None:
    text = r"[\s-]".join(map(re.escape, re.split(r"[\s-]", term)))
    assert re.search(rf"\b{text}", pages())


@pytest.mark.parametrize("term", TERMS)
def test_a_word_of_the_glossary_is_used_in_names_of_the_code(term: str) -> None:
    missing = [
        word
        for word in re.split(r"[\s-]", term)
        if not any(each.startswith(word.removesuffix("e")) for each in words_in_names())
    ]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_beside_a_word_exists(name: str) -> None:
    assert any(each.name == name for each in defined())

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.comparable import comparable
from tests.common.tenants import load, tenant

pytestmark = pytest.mark.pure

SAME = [
    ("192.0.2.7/32", "192.0.2.7"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("[2001:db8::0001]", "2001:db8::1"),
    ("2001:db8::1/128", "2001:db8::1"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("192.0.2.9/24", "192.0.2.0/24"),
    (" Example.COM. ", "example.com"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("bücher。example", "xn--bcher-kva.example"),
    ("_dmarc.Example.com.", "_dmarc.example.com"),
    ("Me@Example.COM.", "me@example.com"),
    ("me@BÜCHER.example", "me@xn--bcher-kva.example"),
    ("AB" * 32, "ab" * 32),
    ("HTTP://A.Example", "http://a.example/"),
    ("http://a.example:80/Path", "http://a.example/path"),
    ("https://a.example.:443/?q=1", "https://a.example/?q=1"),
    ("https://bücher.example/%7Eme/%61", "https://xn--bcher-kva.example/~me/a"),
    ("http://[2001:DB8:0:0:0:0:0:1]:8080/x", "http://[2001:db8::1]:8080/x"),
    ("http://a.example/ä", "http://a.example/%C3%A4"),
]
DIFFERENT = [
    ("192.0.2.7", "192.0.2.8"),
    ("192.0.2.0/24", "192.0.2.0"),
    ("example.com", "www.example.com"),
    ("http://a.example/a%2Fb", "http://a.example/a/b"),
    ("http://a.example/a%3Fb", "http://a.example/a?b"),
    ("http://a.example/", "https://a.example/"),
    ("http://a.example:8080/", "http://a.example/"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_of_one_thing_are_the_same(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_things_stay_two(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(st.one_of(st.text(max_size=40), st.text(max_size=20).map("http://a.example/{}".format)))
def test_whatever_is_written_has_one_form_which_is_its_own(text: str) -> None:
    once = comparable(text)
    assert comparable(once) == once


def test_an_allow_list_is_kept_in_the_form_that_is_compared() -> None:
    written = ["2001:DB8:0:0:0:0:0:1", "192.0.2.7/32", "Example.COM.", "bücher.example"]
    registry = load(tenant(), indicator={"allow_list": written})
    assert registry.routes[0].policy.allow_list == {
        "2001:db8::1",
        "192.0.2.7",
        "example.com",
        "xn--bcher-kva.example",
    }


@pytest.mark.parametrize("text", ["\u00b8", "a.\u00b8", "\u00a8.example ", "x@\u00b8", "\uff0eexample\uff0e"])
def test_what_folds_to_something_that_folds_again_is_folded_to_the_end(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)

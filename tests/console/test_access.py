"""Who may talk to a console, by where it listens."""

import pytest

from mti.common.errors import ConfigurationError
from mti.console.access import access_to

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_it_answers_to_the_names_of_this_machine_and_asks_for_no_token(host: str) -> None:
    access = access_to(host, 8642)
    assert access.token is None
    assert access.admits(None)
    assert {"127.0.0.1:8642", "localhost:8642", "[::1]:8642"} <= access.hosts
    assert "127.0.0.1" not in access.hosts, "a page on another port is another page"


def test_a_token_may_be_asked_for_on_this_machine_too() -> None:
    access = access_to("127.0.0.1", 8642, with_token=True)
    assert access.token is not None
    assert not access.admits(None)


def test_beyond_this_machine_it_asks_for_a_token_and_answers_to_that_address_alone() -> None:
    access = access_to("192.0.2.7", 8642)
    assert access.hosts == {"192.0.2.7:8642"}
    assert access.token is not None
    session = access.session_of(access.token)
    assert session is not None
    assert access.admits(session)
    assert access.session_of("another") is None
    assert not access.admits("another")
    assert not access.admits(access.token), "the cookie is not what the link holds"


def test_an_address_that_stands_for_all_needs_a_name() -> None:
    with pytest.raises(ConfigurationError, match="say with --name"):
        access_to("0.0.0.0", 8642)
    assert {"console.example.com", "console.example.com:8642"} <= access_to(
        "0.0.0.0", 8642, ["Console.example.com"]
    ).hosts


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no address"):
        access_to("console.example.com", 8642)


def test_no_two_runs_share_a_token_or_a_form() -> None:
    first, second = access_to("192.0.2.7", 8642), access_to("192.0.2.7", 8642)
    assert first.token != second.token
    assert first.form_token != second.form_token
    assert first.is_own_form(first.form_token)
    assert not first.is_own_form(second.form_token)


def test_a_token_is_in_no_repr() -> None:
    access = access_to("192.0.2.7", 8642)
    assert str(access.token) not in repr(access)
    assert "_key" not in repr(access)

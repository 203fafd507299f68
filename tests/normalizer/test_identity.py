"""Known ids. They stand in customers' workspaces: a change of any of them is a defect, whatever the reason."""

import pytest

from mti.normalizer.observables import Observable, indicator_id

pytestmark = pytest.mark.pure

KNOWN = [
    (
        "file:hashes.'SHA-256'",
        "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
        "830ab05a-da64-5cf0-bef3-245f39b25939",
    ),
    ("file:hashes.'SHA-1'", "3395856ce81f2b7382dee72602f798b642f14140", "19eb3f82-d97f-5c9b-999c-317d10030ce7"),
    ("file:hashes.MD5", "44d88612fea8a8f36de82e1278abb02f", "836f4f89-26b0-5e9a-a05f-467484d13c63"),
    ("url:value", "https://example.com/a?b='c'", "3e3dcdcd-7013-5c1e-b40c-ddf743719f98"),
    ("domain-name:value", "bücher.example", "08828af6-9852-52c5-995d-52013dcfe167"),
    ("ipv4-addr:value", "192.0.2.1", "a348e5b8-2aa0-57d2-a276-b95cd704a748"),
    ("ipv6-addr:value", "2001:db8::25:1", "96051ce2-60a3-5345-b170-7b285e3ae890"),
    ("email-addr:value", "a@example.com", "13263e02-011a-5c09-b74a-dcc7464dbfa1"),
]


@pytest.mark.parametrize(("key", "value", "uuid"), KNOWN)
def test_an_observable_has_the_id_that_it_always_had(key: str, value: str, uuid: str) -> None:
    assert indicator_id(Observable(key, value)) == f"indicator--{uuid}"


def test_a_later_generation_of_an_observable_has_an_id_of_its_own() -> None:
    observable = Observable("file:hashes.MD5", "44d88612fea8a8f36de82e1278abb02f")
    assert indicator_id(observable, 1) == "indicator--8c6d5942-1357-53ef-a8b4-50399e60c891"

"""The id of a source, taken apart in one place."""

import pytest

from mti.common.registry import Feed, SourceId

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "feed", "tenant", "region", "owner"),
    [
        ("contoso/malware_customer", Feed.MALWARE_CUSTOMER, "contoso", None, "contoso"),
        ("contoso/malware_grid", Feed.MALWARE_GRID, "contoso", None, "contoso"),
        ("grid:eu", Feed.MALWARE_GRID, None, "eu", "grid:eu"),
        ("grid:eu/malware_customer", Feed.MALWARE_GRID, None, "eu/malware_customer", "grid:eu/malware_customer"),
        ("contoso/another", None, "contoso", None, "contoso"),
        ("contoso/eu/malware_customer", None, "contoso", None, "contoso"),
        ("contoso", None, None, None, "contoso"),
        ("", None, None, None, ""),
    ],
)
def test_a_text_is_taken_apart(
    text: str, feed: Feed | None, tenant: str | None, region: str | None, owner: str
) -> None:
    id = SourceId.parse(text)
    assert (id.feed, id.tenant, id.region, id.owner, str(id)) == (feed, tenant, region, owner, text)
    assert id.is_shared == (region is not None)


def test_what_is_put_together_is_taken_apart_the_same() -> None:
    for id in (SourceId.of_grid("eu"), *(SourceId.of_tenant("contoso", feed) for feed in Feed)):
        assert SourceId.parse(id.text) == id

"""`mti demo`: it ends well, and it notices when it is broken on purpose."""

from tests.support.cli import mti


async def test_the_demonstration_ends_with_nothing_lost_and_nothing_doubled() -> None:
    said = await mti("demo", "--detections", "2000", "--json")
    assert said.status == 0, said.err
    document = said.document
    assert document["clean"] is document["closed"] is True
    assert document["totals"]["detections"] >= document["served"] == 2000
    assert {name for truth in document["truth"] for name in truth["tenants"]} == {
        "contoso",
        "fabrikam",
        "northwind",
        "tailspin",
        "adventure-works",
        "wingtip",
    }
    for truth in document["truth"]:
        assert truth["accepted"] + truth["refused"] == truth["expected"] > 0
    assert sum(truth["refused"] for truth in document["truth"]) == 1


async def test_one_lost_chunk_is_noticed() -> None:
    said = await mti("demo", "--detections", "2000", "--json", "--break", "lose")
    assert said.status == 1
    assert said.document["clean"] is said.document["closed"] is False
    assert said.document["totals"]["lost"] > 0
    assert any("nowhere" in fault for fault in said.document["faults"])


async def test_an_observable_under_a_second_id_is_noticed() -> None:
    said = await mti("demo", "--detections", "2000", "--json", "--break", "double")
    assert said.status == 1
    assert sum(truth["doubled"] for truth in said.document["truth"]) == 1
    assert said.document["totals"]["unexpected"] > 0


async def test_the_tables_say_in_words_how_it_ended() -> None:
    said = await mti("demo", "--detections", "600")
    assert said.status == 0, said.err
    assert said.out == ""
    assert "Nothing is lost, nothing is doubled." in said.err
    assert "peak memory" in said.err
    assert "detections/s" in said.err


async def test_memory_stays_flat_while_the_feed_grows_tenfold() -> None:
    small = await mti("demo", "--detections", "2000", "--json")
    large = await mti("demo", "--detections", "20000", "--json")
    assert (small.status, large.status) == (0, 0), large.err
    before, after = (
        {found["name"]: found["peak_rss_mib"] for found in said.document["processes"]} for said in (small, large)
    )
    assert set(before) == {"bus", "fetcher-1", "normalizer-1", "publisher-1"}
    for name, peak in after.items():
        assert peak < before[name] * 1.3 + 10, f"{name} grew from {before[name]} to {peak} MiB"

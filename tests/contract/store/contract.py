"""What every store does. An adapter's test inherits these and says what `store` is."""

import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import JsonValue

from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document, Store

TRICKY_IDS = [
    "grid:eu",
    "contoso/malware_customer",
    "contoso.malware_customer",
    "contoso-malware_customer",
    "contoso0malware_customer",
    "url|https://evil.example/a?b=c#d%20e+f&g",
    "back\\slash",
    "ünï/cødé",
    "日本語",
    "\N{GRINNING FACE}",
    "\ufffd",
    " leading and trailing ",
    "tab\tnew\nline",
    'quote\'s "and" `ticks`',
    "~tilde!",
    "[bracket]>",
    "..",
    ".",
    "A",
    "a",
    "l" * 200,
    "/" * 200,
    "\N{GRINNING FACE}" * 200,
]

NESTED: dict[str, JsonValue] = {
    "whole": 1,
    "float": 1.0,
    "small": 1e-07,
    "tenth": 0.1,
    "minus": -0.0,
    "large": 2**60 + 1,
    "none": None,
    "flags": [True, False, None, [], {}],
    "text": 'ünï \N{GRINNING FACE} "quoted" \\ / \u2028 \x00 \x1f',
    "deep": {"b": {"a": [{"z": 1, "a": [1.5, "two", None]}]}, "": ""},
}


def document(id: str, partition: str = "contoso", *, ttl: int | None = None, **body: JsonValue) -> Document:
    return Document(partition=partition, id=id, body=body, ttl=ttl)


class StoreContract:
    documents_beyond_a_page: int

    @pytest.fixture
    def known(self, store: Store) -> Container:
        return store.container("known")

    async def test_a_missing_document_reads_as_none(self, known: Container) -> None:
        assert await known.read("contoso", "missing") is None

    async def test_a_new_document_is_read_as_it_was_written(self, known: Container) -> None:
        written = await known.write(document("a", token="t", count=1))
        assert written.etag
        assert await known.read("contoso", "a") == written

    async def test_a_document_is_created_once(self, known: Container) -> None:
        first = await known.write(document("a", by="first"))
        with pytest.raises(WriteConflict):
            await known.write(document("a", by="second"))
        assert await known.read("contoso", "a") == first

    async def test_the_version_that_was_read_can_be_replaced(self, known: Container) -> None:
        first = await known.write(document("a", n=1))
        second = await known.write(replace(first, body={"n": 2}))
        assert second.etag != first.etag
        assert await known.read("contoso", "a") == second

    async def test_a_version_that_was_replaced_meanwhile_is_refused(self, known: Container) -> None:
        first = await known.write(document("a", n=1))
        second = await known.write(replace(first, body={"n": 2}))
        with pytest.raises(WriteConflict):
            await known.write(replace(first, body={"n": 3}))
        assert await known.read("contoso", "a") == second

    async def test_a_document_that_was_removed_is_not_replaced(self, known: Container) -> None:
        first = await known.write(document("a"))
        await known.delete("contoso", "a")
        with pytest.raises(WriteConflict):
            await known.write(first)
        assert await known.read("contoso", "a") is None

    async def test_an_old_etag_does_not_match_a_document_made_anew(self, known: Container) -> None:
        first = await known.write(document("a", n=1))
        await known.delete("contoso", "a")
        again = await known.write(document("a", n=1))
        assert again.etag != first.etag
        with pytest.raises(WriteConflict):
            await known.write(first)

    async def test_removing_what_is_not_there_is_no_error(self, known: Container) -> None:
        await known.delete("contoso", "missing")

    async def test_the_text_of_a_conflict_names_the_document(self, known: Container) -> None:
        await known.write(document("contoso/url"))
        with pytest.raises(WriteConflict, match=r"known: contoso/url of contoso"):
            await known.write(document("contoso/url"))

    async def test_partitions_and_containers_keep_their_documents_apart(self, store: Store, known: Container) -> None:
        await known.write(document("a", "contoso", of="contoso"))
        await known.write(document("a", "fabrikam", of="fabrikam"))
        await store.container("ledger").write(document("a", "contoso", of="ledger"))
        found = await known.read("contoso", "a")
        assert found is not None
        assert found.body == {"of": "contoso"}
        await known.delete("fabrikam", "a")
        assert await known.read("contoso", "a") == found

    async def test_a_nested_body_comes_back_byte_for_byte(self, known: Container) -> None:
        await known.write(Document(partition="contoso", id="a", body=NESTED))
        one = await known.read("contoso", "a")
        many = await known.read_many("contoso", ["a"])
        [scanned] = [found async for found in known.scan("contoso")]
        for found in (one, many["a"], scanned):
            assert found is not None
            assert json.dumps(found.body) == json.dumps(NESTED)

    async def test_what_is_written_as_text_reads_as_what_is_written_as_a_body(self, known: Container) -> None:
        text = json.dumps(NESTED, ensure_ascii=False).encode()
        written = [
            Document(partition="contoso", id="text", text=text, ttl=60),
            Document(partition="contoso", id="body", body=NESTED, ttl=60),
        ]
        assert all(await known.write_many(written))
        found = await known.read_many("contoso", ["text", "body"])
        assert json.dumps(found["text"].body) == json.dumps(found["body"].body) == json.dumps(NESTED)
        assert found["text"] == replace(found["body"], id="text", etag=found["text"].etag)
        await known.write(replace(found["text"], body={"n": 1}))
        changed = await known.read("contoso", "text")
        assert changed is not None
        assert changed.body == {"n": 1}

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    async def test_a_number_that_json_has_no_words_for_is_refused(self, known: Container, number: float) -> None:
        with pytest.raises(ValueError, match="JSON"):
            await known.write(document("a", number=number))
        assert await known.read("contoso", "a") is None

    @pytest.mark.parametrize("id", TRICKY_IDS, ids=lambda id: id[:12])
    async def test_an_id_may_hold_anything(self, known: Container, id: str) -> None:
        written = await known.write(document(id, partition=f"of {id[:50]}"))
        assert written.id == id
        assert await known.read(written.partition, id) == written
        assert await known.read_many(written.partition, [id, "other"]) == {id: written}
        other = await known.write(document(id, partition=id[:50]))
        keys = [(found.partition, found.id) for found in (written, other)]
        assert await known.read_each(keys) == dict(zip(keys, (written, other), strict=True))
        assert [found async for found in known.scan(written.partition)] == [written]
        replaced = await known.write(replace(written, body={"n": 2}))
        assert await known.read(written.partition, id) == replaced
        await known.delete(written.partition, id)
        assert await known.read(written.partition, id) is None

    @pytest.mark.parametrize(
        "refused",
        [
            [document("")],
            [document("a", "")],
            [document("a", ttl=0)],
            [document("a", n=1), document("a", n=2)],
        ],
        ids=["no id", "no partition", "no time to live", "twice"],
    )
    async def test_what_no_store_can_hold_is_refused(self, known: Container, refused: list[Document]) -> None:
        with pytest.raises(ValueError, match=r"document|second"):
            await known.write_many(refused)

    async def test_many_are_read_by_id_with_repeats_and_without_the_missing(self, known: Container) -> None:
        written = await known.write_many([document(f"id-{number:03}", n=number) for number in range(300)])
        wanted = [f"id-{number:03}" for number in (*range(0, 300, 2), *range(0, 300, 3), *range(900, 910))]
        found = await known.read_many("contoso", wanted)
        assert found == {one.id: one for one in written if one is not None and one.id in wanted}
        assert len(found) == 200

    async def test_reading_none_of_many_is_empty(self, known: Container) -> None:
        assert await known.read_many("contoso", []) == {}
        assert await known.read_many("contoso", ["a", "b"]) == {}
        assert await known.read_each([]) == {}
        assert await known.read_each([("contoso", "a"), ("fabrikam", "b")]) == {}
        assert await known.write_many([]) == []

    async def test_many_are_read_across_partitions_by_their_keys(self, known: Container) -> None:
        documents = [document(f"id-{n:03}", f"grid:eu#{n % 40:02}", n=n) for n in range(400)]
        written = {(one.partition, one.id): one for one in await known.write_many(documents) if one is not None}
        missing = [("grid:eu#00", "id-001"), ("grid:eu#40", "id-000"), ("nowhere", "id-000")]
        found = await known.read_each([*written, *missing, *list(written)[:100]])
        assert found == written
        assert len(found) == 400

    async def test_more_are_read_across_partitions_than_a_query_takes(self, known: Container) -> None:
        written = await known.write_many([document("a", f"of {n}", n=n) for n in (0, 550, 1049)])
        found = await known.read_each([(f"of {n}", "a") for n in range(1050)])
        assert found == {(one.partition, one.id): one for one in written if one is not None}
        assert len(found) == 3

    async def test_one_id_in_several_partitions_is_as_many_documents(self, known: Container) -> None:
        here, there = await known.write_many([document("a", "contoso", n=1), document("a", "fabrikam", n=2)])
        await known.write(document("b", "fabrikam", n=3))
        keys = [("contoso", "a"), ("fabrikam", "a"), ("contoso", "b")]
        assert await known.read_each(keys) == {keys[0]: here, keys[1]: there}
        assert await known.read_each(keys[1:2]) == {keys[1]: there}

    async def test_only_what_is_in_the_container_is_read_across_partitions(
        self, store: Store, known: Container
    ) -> None:
        await store.container("ledger").write(document("a"))
        assert await known.read_each([("contoso", "a"), ("fabrikam", "a")]) == {}

    async def test_a_conflict_of_one_does_not_undo_the_others(self, known: Container) -> None:
        old = await known.write(document("changed", n=1))
        new = await known.write(replace(old, body={"n": 2}))
        gone = await known.write(document("gone"))
        await known.delete("contoso", "gone")
        exists = await known.write(document("exists"))
        to_replace = await known.write(document("replaced", n=1))
        fresh, conflict, changed, removed, replaced = await known.write_many(
            [document("fresh"), document("exists", n=2), old, gone, replace(to_replace, body={"n": 2})]
        )
        assert fresh == await known.read("contoso", "fresh")
        assert replaced == await known.read("contoso", "replaced")
        assert (conflict, changed, removed) == (None, None, None)
        assert await known.read("contoso", "exists") == exists
        assert await known.read("contoso", "changed") == new
        assert await known.read("contoso", "gone") is None

    async def test_many_may_lie_in_several_partitions(self, known: Container) -> None:
        written = await known.write_many([document("a", "contoso"), document("a", "fabrikam")])
        assert [await known.read("contoso", "a"), await known.read("fabrikam", "a")] == written

    async def test_a_scan_yields_ids_in_the_order_of_code_points(self, known: Container) -> None:
        await known.write_many([document(id) for id in TRICKY_IDS])
        await known.write(document("elsewhere", "fabrikam"))
        assert [found.id async for found in known.scan("contoso")] == sorted(TRICKY_IDS)

    async def test_a_scan_resumes_after_an_id(self, known: Container) -> None:
        await known.write_many([document(id) for id in TRICKY_IDS])
        ids = sorted(TRICKY_IDS)
        for index in (0, len(ids) // 2, len(ids) - 1):
            assert [found.id async for found in known.scan("contoso", after=ids[index])] == ids[index + 1 :]
        assert [found.id async for found in known.scan("contoso", after="contoso/")] == [
            id for id in ids if id > "contoso/"
        ]

    async def test_a_scan_ends_before_an_id(self, known: Container) -> None:
        await known.write_many([document(id) for id in TRICKY_IDS])
        ids = sorted(TRICKY_IDS)
        for index in (0, len(ids) // 2, len(ids) - 1):
            assert [found.id async for found in known.scan("contoso", before=ids[index])] == ids[:index]
        between = [found.id async for found in known.scan("contoso", after=ids[1], before=ids[-1])]
        assert between == ids[2:-1]

    async def test_a_scan_goes_beyond_one_page(self, known: Container) -> None:
        ids = [f"id-{number:05}" for number in range(self.documents_beyond_a_page)]
        await known.write_many([document(id) for id in reversed(ids)])
        assert [found.id async for found in known.scan("contoso")] == ids

    async def test_a_scan_sees_nothing_twice_while_it_is_written_to(self, known: Container) -> None:
        ids = [f"id-{number:05}" for number in range(self.documents_beyond_a_page)]
        await known.write_many([document(id) for id in ids])
        seen = []
        async for found in known.scan("contoso"):
            seen.append(found.id)
            if found.id in (ids[3], ids[-3]):
                await known.write(replace(found, body={"n": 1}))
                await known.delete("contoso", ids[0])
                await known.write(document(f"{found.id}-new"))
        assert seen == sorted(set(seen))
        assert set(ids) <= set(seen)

    async def test_a_scan_of_an_empty_partition_yields_nothing(self, known: Container) -> None:
        assert [found async for found in known.scan("contoso")] == []

    async def test_each_partition_that_holds_a_document_is_named_once(self, store: Store, known: Container) -> None:
        names = ["contoso", "grid:eu", "contoso/malware_customer", "日本語", "a|b", "\N{GRINNING FACE}", "Contoso"]
        await known.write_many([document(id, name) for name in names for id in ("a", "b", "c")])
        await known.write(document("a", "emptied"))
        await known.delete("emptied", "a")
        await store.container("ledger").write(document("a", "elsewhere"))
        assert sorted([name async for name in known.partitions()]) == sorted(names)

    async def test_partitions_go_beyond_one_page(self, known: Container) -> None:
        names = [f"name-{number:05}" for number in range(self.documents_beyond_a_page)]
        await known.write_many([document("a", name) for name in names])
        assert sorted([name async for name in known.partitions()]) == names

    async def test_a_container_that_was_never_written_has_no_partitions(self, known: Container) -> None:
        assert [name async for name in known.partitions()] == []

    async def test_a_time_to_live_is_kept_with_the_document(self, known: Container) -> None:
        written = await known.write(document("a", ttl=3600))
        assert written.ttl == 3600
        assert await known.read("contoso", "a") == written
        forever = await known.write(replace(written, ttl=None))
        assert await known.read("contoso", "a") == forever

    async def test_of_many_that_compare_and_set_at_once_one_wins(self, known: Container) -> None:
        current = await known.write(document("race", winner=-1))
        for _ in range(5):
            tries = [known.write(replace(current, body={"winner": number})) for number in range(12)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            winners = [result for result in results if isinstance(result, Document)]
            assert len(winners) == 1
            assert sum(isinstance(result, WriteConflict) for result in results) == 11
            assert await known.read("contoso", "race") == winners[0]
            current = winners[0]

    async def test_of_many_that_create_at_once_one_wins(self, known: Container) -> None:
        tries = [known.write_many([document("race", n=number), document(f"own-{number}")]) for number in range(12)]
        results = await asyncio.gather(*tries)
        assert sum(raced is not None for raced, _ in results) == 1
        assert all(own is not None for _, own in results)

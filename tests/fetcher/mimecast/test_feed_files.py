import io
import zipfile
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.errors import Retry
from mti.common.registry import FeedFormat
from mti.fetcher.mimecast.feed_files import csv_file, document_of, merged
from mti.fetcher.mimecast.stix import records_of
from mti.fetcher.mimecast.table import rows_of

pytestmark = pytest.mark.pure

HEADER = "Timestamp|SHA256|FileName"


def indicator(name: str) -> dict[str, Any]:
    return {"type": "indicator", "id": f"indicator--{name}"}


def malware(name: str) -> dict[str, Any]:
    return {"type": "malware", "id": f"malware--{name}"}


def relationship(source: str, target: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{source}-{target}",
        "relationship_type": "indicates",
        "source_ref": f"indicator--{source}",
        "target_ref": f"malware--{target}",
    }


class TestStix:
    def test_a_detection_keeps_its_objects_together_in_the_order_of_the_feed(self) -> None:
        objects = [malware("a"), indicator("a"), relationship("a", "a"), malware("b"), relationship("b", "b")]
        objects += [indicator("b")]
        assert records_of(objects) == [objects[:3], objects[3:]]

    def test_objects_far_apart_are_one_detection(self) -> None:
        objects = [malware("a"), malware("b"), indicator("a"), indicator("b")]
        objects += [relationship("b", "b"), relationship("a", "a")]
        assert records_of(objects) == [
            [objects[0], objects[2], objects[5]],
            [objects[1], objects[3], objects[4]],
        ]

    def test_what_belongs_to_no_indicator_is_a_record_of_its_own(self) -> None:
        objects: list[Any] = [
            malware("lonely"),
            relationship("gone", "lonely"),
            {"type": "x-new", "id": "x-new--1"},
            "not an object",
            None,
            {},
            indicator("alone"),
        ]
        assert records_of(objects) == [[found] for found in objects]

    def test_a_malware_of_two_indicators_is_in_both_records(self) -> None:
        objects = [malware("a"), indicator("a"), indicator("b"), relationship("a", "a"), relationship("b", "a")]
        assert [len(record) for record in records_of(objects)] == [3, 3]

    @given(
        st.lists(
            st.one_of(
                st.builds(indicator, st.sampled_from("abcd")),
                st.builds(malware, st.sampled_from("abcd")),
                st.builds(relationship, st.sampled_from("abcde"), st.sampled_from("abcde")),
                st.none(),
                st.integers(),
                st.dictionaries(st.sampled_from(["type", "id", "source_ref"]), st.text() | st.integers()),
            ),
            max_size=30,
        )
    )
    def test_no_object_is_ever_skipped_and_each_indicator_has_one_record(self, objects: list[Any]) -> None:
        records = records_of(objects)
        kept = [id(found) for record in records for found in record]
        assert set(kept) == {id(found) for found in objects}
        places = [place for place, found in enumerate(objects) if isinstance(found, dict)]
        indicators = sum(objects[place].get("type") == "indicator" for place in places)
        held = [sum(isinstance(o, dict) and o.get("type") == "indicator" for o in record) for record in records]
        assert sum(held) == indicators
        assert max(held, default=0) <= 1

    def test_broken_characters_in_one_name_do_not_sink_the_page(self) -> None:
        assert document_of(b'{"name":"caf\xe9"}') == {"name": "caf\ufffd"}
        assert document_of(b'{"name":"\\ud800"}') == {"name": "?"}
        assert document_of(b'\xef\xbb\xbf{"name":"x"}') == {"name": "x"}

    @pytest.mark.parametrize("body", [b'{"type":"bundle","objects":[{"ty', b"{", b"[" * 100_000, b'{"a":NaN}'])
    def test_a_document_that_is_cut_short_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Retry, match="UnreadablePage"):
            document_of(body)


def rows(text: str) -> list[list[Any]]:
    return [list(row) for row in csv_file(text.encode(), verified=True).records]


class TestCsv:
    @pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\n", "\r\n\r\n"])
    @pytest.mark.parametrize("bom", ["", "\ufeff"])
    def test_line_ends_and_byte_order_marks_leave_no_trace(self, end: str, bom: str) -> None:
        line_end = "\r\n" if "\r" in end else "\n"
        text = f"{bom}{HEADER}{line_end}t1|a|n1{line_end}t2|b|n2{end}"
        file = csv_file(text.encode(), verified=False)
        assert file.format is FeedFormat.CSV
        assert file.header == ["Timestamp", "SHA256", "FileName"]
        assert file.records == [["t1", "a", "n1"], ["t2", "b", "n2"]]

    @pytest.mark.parametrize("text", [HEADER, f"{HEADER}\n", f"{HEADER}\r\n\r\n"])
    def test_a_header_alone_is_empty(self, text: str) -> None:
        assert csv_file(text.encode(), verified=False).records == []

    def test_a_quoted_name_may_hold_the_delimiter_quotes_and_line_breaks(self) -> None:
        text = f'{HEADER}\nt1|a|"x|y"\nt2|b|"say ""hi"""\nt3|c|"two\nlines"\nt4|d|e\n'
        assert rows(text) == [["t1", "a", "x|y"], ["t2", "b", 'say "hi"'], ["t3", "c", "two\nlines"], ["t4", "d", "e"]]

    def test_a_quote_that_nobody_closes_does_not_swallow_the_rows_after_it(self) -> None:
        text = f'{HEADER}\nt1|a|"open\nt2|b|"x|y"\nt3|c|d\nt4|"|e\nt5|f|6" pipe\n'
        assert rows(text) == [
            ["t1", "a", '"open'],
            ["t2", "b", "x|y"],
            ["t3", "c", "d"],
            ["t4", '"', "e"],
            ["t5", "f", '6" pipe'],
        ]

    def test_ragged_rows_stay_as_they_are(self) -> None:
        assert rows(f"{HEADER}\nt1\nt2|b|c|d|e\nt3|b|c\n") == [["t1"], ["t2", "b", "c", "d", "e"], ["t3", "b", "c"]]

    def test_empty_cells_are_kept(self) -> None:
        assert rows(f"{HEADER}\n||\n|b|\n") == [["", "", ""], ["", "b", ""]]

    def test_a_file_that_ends_inside_a_row_is_cut_short(self) -> None:
        with pytest.raises(Retry, match="UnreadablePage"):
            csv_file(f"{HEADER}\nt1|a|b\n2026-11-2".encode(), verified=False)

    @pytest.mark.parametrize("text", ["", "upstream connect error", "a|b|c\n1|2|3", "Bad Gateway|502"])
    def test_text_without_the_feed_s_header_is_no_feed(self, text: str) -> None:
        with pytest.raises(Retry, match="UnreadablePage"):
            csv_file(text.encode(), verified=True)

    NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12) | st.text(
        st.sampled_from('|" ab'), max_size=8
    )

    @given(st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=12), st.sampled_from(["\n", "\r\n"]))
    def test_rows_with_quotes_and_pipes_survive_whole(self, found: list[tuple[str, str, str]], end: str) -> None:
        def quoted(cell: str) -> str:
            doubled = cell.replace('"', '""')
            return f'"{doubled}"' if "|" in cell or '"' in cell else cell

        lines = ["|".join(quoted(cell) for cell in row) for row in found]
        text = end.join([HEADER, *lines]) + end
        assert rows_of(text, 3) == [list(row) for row in found]

    @given(st.lists(st.text(st.sampled_from('|"x'), min_size=1, max_size=10), max_size=20))
    def test_whatever_names_look_like_good_rows_around_them_survive(self, names: list[str]) -> None:
        lines = [HEADER]
        for number, name in enumerate(names):
            lines += [f"t{number}|good|row", f"t{number}|bad|{name}"]
        found = rows_of("\n".join([*lines, "last|good|row", ""]), 3)
        good = [row for row in found if row[1:] == ["good", "row"]]
        assert [row[0] for row in good] == [*(f"t{number}" for number in range(len(names))), "last"]


def test_files_of_the_same_form_are_put_together() -> None:
    one, two = (csv_file(f"{HEADER}\nt{n}|a|b\n".encode(), verified=True) for n in (1, 2))
    other = csv_file(b"SHA256|Timestamp\na|t\n", verified=True)
    empty = csv_file(b"MD5\n", verified=True)
    files = merged([one, empty, two, other])
    assert [(list(file.header), len(file.records)) for file in files] == [
        (["Timestamp", "SHA256", "FileName"], 2),
        (["SHA256", "Timestamp"], 1),
    ]
    assert merged([]) == []


def zipped(*bodies: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for number, body in enumerate(bodies):
            archive.writestr(f"folder/{number}", body)
    return buffer.getvalue()


def bundle(*objects: Any) -> bytes:
    return orjson.dumps({"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": objects})

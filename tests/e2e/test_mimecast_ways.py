"""`mti up` against a Mimecast that says things in the less usual ways; what the workspaces hold, and the books."""

from pathlib import Path
from typing import Any

import pytest

from mti.simulators import MimecastFault, MimecastFaultKind, Simulators
from mti.simulators.mimecast import (
    CallLimit,
    EmptyFeed,
    Encoding,
    LastPage,
    MimecastSettings,
    Odd,
    Packing,
    ResetForm,
)
from tests.support.cli import mti, up
from tests.support.worlds import CONTOSO, FABRIKAM, assert_exact, two_tenants

pytestmark = pytest.mark.timeout(240)
Kind = MimecastFaultKind
SOURCES = ("contoso/malware_customer", "fabrikam/malware_customer", "grid:eu")
GOOD_AFTER_ALL = {Odd.LONE_SURROGATE, Odd.DOUBLE_KEY, Odd.AHEAD}


async def run(world: Simulators, folder: Path) -> dict[str, dict[str, Any]]:
    """Run the stack until it is idle and return the books of the sources, which have to close."""
    env = world.write_tenants(folder / "tenants.yaml")
    said = await mti(*up(folder / "tenants.yaml", folder / "data"), env=env)
    assert said.status == 0, said.err
    document = said.document
    assert document["closed"] is True
    for found in document["sources"]:
        parts = found["new"] + found["refreshed"] + found["suppressed"] + sum(found["rejected"].values())
        assert found["detections"] == parts
        assert (found["lost"], found["waiting"], found["dead"], found["pause"]) == (0, 0, 0, None)
    return {found["source"]: found for found in document["sources"]}


def calls(world: Simulators, source: str) -> int:
    return sum(call.feed == source for call in world.mimecast.journal.calls)


@pytest.mark.parametrize("last_page", [LastPage.EMPTY_SAME_TOKEN, LastPage.EMPTY_NEW_TOKENS])
async def test_feeds_that_send_a_token_with_every_answer_end_and_an_empty_one_pauses_nothing(
    tmp_path: Path, last_page: LastPage
) -> None:
    habits = MimecastSettings(last_page=last_page, empty=EmptyFeed.UNABLE_TO_COMPRESS)
    async with Simulators(two_tenants(detections=150, page_size=50, mimecast=habits)) as world:
        await run(world, tmp_path)
        assert_exact(world)
        assert [calls(world, source) for source in SOURCES] == [4, 4, 10], "pages with detections, and an empty one"
        for feed in world.feeds.values():
            feed._detections.clear()
        await run(world, tmp_path)
        assert [calls(world, source) for source in SOURCES] == [5, 5, 11], "a window that holds nothing costs one call"


@pytest.mark.parametrize(
    ("packing", "encoding", "form"),
    [
        (Packing.ZIP, Encoding.UTF_16, ResetForm.EPOCH_SECONDS),
        (Packing.ZIP_OF_GZIP, Encoding.UTF_8_MARKED, ResetForm.EPOCH_MILLISECONDS),
        (Packing.GZIP, Encoding.UTF_8, ResetForm.MILLISECONDS),
    ],
)
async def test_odd_records_damaged_files_and_odd_wrappings_cost_no_good_detection(
    tmp_path: Path, packing: Packing, encoding: Encoding, form: ResetForm
) -> None:
    habits = MimecastSettings(
        packing=packing,
        encoding=encoding,
        litter=True,
        zip_members=3,
        empty=EmptyFeed.NO_DATA,
        last_page=LastPage.EMPTY,
        limit=CallLimit(calls=3, seconds=2, dashed=True, reset=form),
    )
    faults = [
        MimecastFault(name="odd", kind=Kind.ODD, feed="contoso/malware_customer", page=2, times=None),
        MimecastFault(name="ahead", kind=Kind.ODD, feed="fabrikam/malware_customer", page=1, odd=(Odd.AHEAD,)),
        MimecastFault(name="broken", kind=Kind.BROKEN_MEMBER, feed="grid:eu", page=2, times=None),
    ]
    async with Simulators(two_tenants(detections=150, page_size=50, mimecast=habits, mimecast_faults=faults)) as world:
        books = await run(world, tmp_path)
        assert_exact(world)
        for workspace in (CONTOSO, FABRIKAM):
            assert world.sentinel.workspaces[workspace].counts["refused_records"] == 0
    contoso, fabrikam, grid = (books[source] for source in SOURCES)
    assert contoso["detections"] == 150 + len(Odd)
    assert contoso["rejected"]["UnreadableDetection"] == len(Odd) - len(GOOD_AFTER_ALL)
    assert (contoso["ahead"], fabrikam["ahead"], grid["ahead"]) == (1, 1, 0)
    assert grid["rejected"].get("UnreadableMember", 0) == (packing is not Packing.GZIP)

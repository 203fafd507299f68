"""Defects of the connector that this project replaces, which must be impossible here."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.registry import IndicatorPolicy, TestFilePolicy, Tlp
from tests.normalizer.world import CONTOSO, CUSTOMER, at, message, registry, row, sha256, stix, world

pytestmark = pytest.mark.pure


async def test_defect_05_seven_sightings_of_a_hash_are_one_indicator_with_one_id(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        for hour in range(7):
            await there.normalizer()([message(stix(time=at(hours=hour)))])
        [found] = there.indicators.objects(CONTOSO)
        totals = await there.ledger.totals(CUSTOMER)
        assert (totals.detections, totals.new, totals.suppressed) == (7, 1, 6)
    (tmp_path / "another").mkdir()
    async with world(tmp_path / "another") as another:
        await another.normalizer()([message(stix(time=at(days=3), name="Another name.pdf"))])
        assert another.indicators.objects(CONTOSO)[0]["id"] == found["id"]


async def test_defect_06_rows_that_lack_a_name_a_size_or_an_address_arrive_and_are_counted(tmp_path: Path) -> None:
    lacking = [
        row("a", FileName="null"),
        row("b", FileSize=""),
        row("c", SendingIP="null"),
        row("d", FileName="", FileSize="null", SendingIP="", FileMimeType="null"),
        [*row("e"), "shifted"],
    ]
    broken = [row("f", SHA256="null", MD5="null"), row("g", Timestamp="null")]
    async with world(tmp_path) as there:
        await there.normalizer()([message(*lacking, *broken, csv=True)])
        assert {sha256(file) for file in "abcde"} <= there.indicators.values(CONTOSO)
        totals = await there.ledger.totals(CUSTOMER)
        assert (totals.detections, totals.new) == (7, 5)
        assert totals.rejected == {"NoObservable": 1, "BadTimestamp": 1}
        assert len(there.pages.sent) == 2


EICAR = "[file:hashes.'SHA-256' = '275A021BBFB6489E54D471899F7DB9D1663FC695EC2FE2A2C4538AABF651FD0F']"
CAUTIOUS = IndicatorPolicy(
    confidence=35, tlp=Tlp.GREEN, validity=timedelta(days=7), allow_list=frozenset({sha256("allowed")})
)


@pytest.mark.parametrize("kept", [False, True])
async def test_defect_12_confidence_marking_allow_list_and_test_files_are_the_policys(
    tmp_path: Path, kept: bool
) -> None:
    policy = replace(CAUTIOUS, test_files=TestFilePolicy.KEEP) if kept else CAUTIOUS
    async with world(tmp_path) as there:
        there.registry = registry(policy=policy)
        await there.normalizer()([message(stix(), stix("allowed"), stix(pattern=EICAR))])
        objects = there.indicators.objects(CONTOSO)
        assert sha256("allowed") not in there.indicators.values()
        assert len(objects) == (2 if kept else 1)
        for found in objects:
            assert found["confidence"] == 35
            assert found["object_marking_refs"] == ["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"]
            assert found["valid_until"] == "2026-12-01T12:00:00.000Z"
            assert not re.search(r"block", str(found), re.IGNORECASE)
        rejected = (await there.ledger.totals(CUSTOMER)).rejected
        assert rejected == ({"AllowListed": 1} if kept else {"AllowListed": 1, "TestFile": 1})

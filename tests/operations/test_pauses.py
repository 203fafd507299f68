"""Pauses are listed and lifted, whoever is saving meanwhile."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import ConfigurationError, Pause
from mti.common.pauses import PauseState, paused
from mti.common.registry import Registry
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.fetcher.timetable import Run, needs_job
from mti.operations.pauses import Held, Selection, held, lift
from mti.operations.stores import Stores
from mti.publisher.records import Counts, DestinationCheckpoint, destination_checkpoints
from tests.publisher.world import CONTOSO, CUSTOMER, FABRIKAM, GRID, NOW, OTHER_CUSTOMER, registry

pytestmark = pytest.mark.pure

HALF_AN_HOUR = timedelta(minutes=30)


def pause(reason: str) -> PauseState:
    return paused(Pause(reason, f"the text of {reason}", HALF_AN_HOUR), NOW, None, random.Random(1))


@pytest.fixture
def tenants() -> Registry:
    return registry("http://127.0.0.1:1")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    found = Stores(*(packed(SqliteStore(tmp_path / f"{name}.db")) for name in ("fetcher", "normalizer", "publisher")))
    sources = source_checkpoints(found.fetcher.container("checkpoints"))
    for name, value in {
        CUSTOMER: SourceCheckpoint(pause=pause("CredentialsRefused"), failures=9),
        OTHER_CUSTOMER: SourceCheckpoint(resume_at=NOW + HALF_AN_HOUR, queued_at=NOW + HALF_AN_HOUR),
        GRID: SourceCheckpoint(next_due=NOW + HALF_AN_HOUR),
    }.items():
        await sources.save((await sources.load(name, SourceCheckpoint())).with_value(value))
    destinations = destination_checkpoints(found.publisher.container("checkpoints"))
    for id, reason in ((CONTOSO, "RoleMissing"), (FABRIKAM, "WorkspaceUnknown")):
        refused = DestinationCheckpoint(counts=Counts(accepted=7), pause=pause(reason))
        await destinations.save((await destinations.load(id, DestinationCheckpoint())).with_value(refused))
    yield found
    await found.close()


def names(found: list[Held]) -> list[str]:
    return [one.id for one in found]


async def test_what_is_left_alone_is_listed_with_its_reason(stores: Stores, tenants: Registry) -> None:
    found = await held(stores, tenants, Selection(), NOW)
    assert [(one.id, one.reason) for one in found] == [
        (CUSTOMER, "CredentialsRefused"),
        (OTHER_CUSTOMER, "MimecastRateLimited"),
        (CONTOSO, "RoleMissing"),
        (FABRIKAM, "WorkspaceUnknown"),
    ]


@pytest.mark.parametrize(
    ("selection", "lifted"),
    [
        (Selection(source=CUSTOMER), [CUSTOMER]),
        (Selection(destination=FABRIKAM), [FABRIKAM]),
        (Selection(source=CUSTOMER, destination=FABRIKAM), [CUSTOMER, FABRIKAM]),
        (Selection(tenant="fabrikam"), [OTHER_CUSTOMER, FABRIKAM]),
        (Selection(everything=True), [CUSTOMER, OTHER_CUSTOMER, CONTOSO, FABRIKAM]),
        (Selection(source=GRID), []),
    ],
)
async def test_what_is_named_is_lifted_and_nothing_else(
    stores: Stores, tenants: Registry, selection: Selection, lifted: list[str]
) -> None:
    before = names(await held(stores, tenants, Selection(), NOW))
    assert names(await lift(stores, tenants, selection, NOW)) == lifted
    assert names(await held(stores, tenants, Selection(), NOW)) == [name for name in before if name not in lifted]


async def test_a_source_that_is_lifted_gets_a_job_at_once(stores: Stores, tenants: Registry) -> None:
    checkpoints = source_checkpoints(stores.fetcher.container("checkpoints"))
    for source in (CUSTOMER, OTHER_CUSTOMER):
        before = (await checkpoints.load(source, SourceCheckpoint())).value
        assert not needs_job(before, NOW, Run())
        await lift(stores, tenants, Selection(source=source), NOW)
        after = (await checkpoints.load(source, SourceCheckpoint())).value
        assert needs_job(after, NOW, Run())
        assert after.revision > before.revision


async def test_a_lifted_workspace_keeps_its_counts(stores: Stores, tenants: Registry) -> None:
    await lift(stores, tenants, Selection(everything=True), NOW)
    checkpoints = destination_checkpoints(stores.publisher.container("checkpoints"))
    value = (await checkpoints.load(CONTOSO, DestinationCheckpoint())).value
    assert (value.pause, value.counts.accepted) == (None, 7)


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(), "--all"),
        (Selection(source="nobody/malware_customer"), CUSTOMER),
        (Selection(destination="00000000-0000-0000-0000-0000000000ff"), CONTOSO),
        (Selection(tenant="nobody"), "contoso"),
    ],
)
async def test_a_name_that_nothing_has_is_refused_with_those_that_there_are(
    stores: Stores, tenants: Registry, selection: Selection, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await lift(stores, tenants, selection, NOW)


async def test_a_pause_of_what_left_the_tenants_file_can_be_lifted(stores: Stores) -> None:
    nobody = Registry(sources={}, destinations={}, routes=[])
    assert names(await lift(stores, nobody, Selection(destination=CONTOSO), NOW)) == [CONTOSO]

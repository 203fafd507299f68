"""A folder's indicators, with the sample's events around the files that they name."""

from datetime import datetime
from pathlib import Path
from typing import Final

from mti.console.preview.worlds.folder import TABLE, folder_world
from mti.console.preview.worlds.model import Kind, Row, World
from mti.console.preview.worlds.sample.customers import Customer, customer
from mti.console.preview.worlds.sample.world import add_events, sample_world

EVENTFUL: Final = 25
"""Workspaces around whose indicators events are made up."""


async def world_of(kind: Kind, data: Path | None, now: datetime) -> World:
    """Return a world.

    Args:
        kind: which.
        data: the folder; not needed for a sample.
        now: the time of looking, in UTC.
    """
    if data is None or kind is Kind.SAMPLE:
        return sample_world(now)
    world = await folder_world(data, now)
    if kind is Kind.MIXED:
        rows: dict[str, list[Row]] = {}
        for row in world.tables[TABLE]:
            rows.setdefault(row["TenantId"], []).append(row)
        add_events(world, [_people(world, number) for number in range(len(world.workspaces))][:EVENTFUL], rows)
        if len(world.workspaces) > EVENTFUL:
            world.notes.append(f"Only the first {EVENTFUL} workspaces have sample events.")
    return world


def _people(world: World, number: int) -> Customer:
    workspace = world.workspaces[number]
    name = workspace.label.partition(" ")[0].strip(",").lower()
    safe = "".join(letter for letter in name if letter.isascii() and letter.isalnum()) or "customer"
    return customer(workspace, f"{safe}.example", max(6, 30 - 6 * number))

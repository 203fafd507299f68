"""The sample, put together."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mti.console.preview.worlds.model import Origin, Row, World
from mti.console.preview.worlds.sample.aftermath import aftermath
from mti.console.preview.worlds.sample.customers import Customer, customers
from mti.console.preview.worlds.sample.events import Events
from mti.console.preview.worlds.sample.files import files_in
from mti.console.preview.worlds.sample.incidents import incident_tables
from mti.console.preview.worlds.sample.indicators import indicator_rows
from mti.console.preview.worlds.sample.metrics import metric_rows

NOTE = "Customers, mail, devices and incidents of this sample are made up; nothing of it happened."


def sample_world(now: datetime) -> World:
    """Return three customers' workspaces."""
    world, people = World(now), customers()
    rows = {customer.workspace.id: indicator_rows(customer, now) for customer in people}
    world.workspaces = [customer.workspace for customer in people]
    for found in rows.values():
        world.add({"ThreatIntelIndicators": found}, Origin.SAMPLE)
    add_events(world, people, rows)
    return world


def add_events(world: World, people: Sequence[Customer], rows: Mapping[str, Sequence[Row]]) -> None:
    """Fill up a world with what happened around the files that its indicators name.

    Args:
        world: it is added to.
        people: the customers.
        rows: those of `ThreatIntelIndicators`, by workspace.
    """
    for customer in people:
        events = Events(customer, files_in(rows.get(customer.workspace.id, ()), world.now), world.now)
        world.add(events.tables, Origin.SAMPLE)
        world.add(aftermath(customer, events.tables, world.now), Origin.SAMPLE)
        world.add(incident_tables(customer, events.waves, world.now), Origin.SAMPLE)
    if people:
        world.add({"AppMetrics": metric_rows(people, world.now)}, Origin.SAMPLE)
    world.notes.append(NOTE)

"""Builds all feeds of a scenario."""

from datetime import datetime

from mti.simulators.feed import Detection, Feed, generate, grid_copies
from mti.simulators.scenario.model import Scenario


def build_feeds(scenario: Scenario, end: datetime) -> dict[str, Feed]:
    """Return every account's `malware_customer` and every region's `malware_grid`, by source name.

    A grid holds its own detections and a copy of each of its accounts', so all of a region's accounts see the same.
    """
    feeds: dict[str, Feed] = {}
    shown: dict[str, list[Detection]] = {region: [] for region in scenario.regions}
    for tenant in scenario.tenants:
        detections = generate(tenant.customer, end)
        name = f"{tenant.id}/malware_customer"
        feeds[name] = Feed(name, tenant.customer, detections)
        shown[tenant.account.region] += detections
    for region, spec in scenario.regions.items():
        name = f"grid:{region}"
        own = [detection._replace(recipient=None) for detection in generate(spec.grid, end)]
        feeds[name] = Feed(name, spec.grid, [*own, *grid_copies(shown[region], spec.grid.seed)])
    return feeds

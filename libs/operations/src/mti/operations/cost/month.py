"""What a month costs: the quantities, at the prices. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from mti.operations.cost.assumptions import HOURS, SECONDS, Assumptions, Bus, Capacity, Hosting
from mti.operations.cost.measured import Measured
from mti.operations.cost.prices import Prices
from mti.operations.cost.quantities import Quantities, quantities
from mti.operations.to_json import to_json

CORES: Final = {"fetcher": 0.5, "normalizer": 0.5, "publisher": 0.25}
"""Of a replica, as `infra/bicep/modules/containerApps.bicep` has it; a test compares them."""
GIB: Final = {"fetcher": 1.0, "normalizer": 1.0, "publisher": 0.5}
DATABASES: Final = 4
"""One a service, and that of the tenants; each grows by itself."""
LEAST_SHARE: Final = 0.1
"""Of its highest throughput that autoscale is billed for in any case."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill."""

    what: str
    quantity: float
    unit: str
    cost: float
    """In the currency of the prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month."""

    assumed: Assumptions
    quantities: Quantities
    lines: Sequence[Line]
    sentinel: float
    """What Sentinel bills the customers, all together, for the rows."""

    @property
    def total(self) -> float:
        """What running it costs, without Sentinel."""
        return sum(line.cost for line in self.lines)

    @property
    def a_tenant(self) -> float:
        """The same, for each tenant."""
        return self.total / self.assumed.tenants

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "assumed": self.assumed.model_dump(mode="json"),
            "quantities": to_json(self.quantities),
            "lines": [to_json(line) for line in self.lines],
            "total": self.total,
            "a_tenant": self.a_tenant,
            "sentinel": self.sentinel,
        }


def month(assumed: Assumptions, steps: Measured, prices: Prices) -> Month:
    """Return the month of so many tenants.

    Args:
        assumed: what there is to do, and where.
        steps: what each step asks for.
        prices: what that costs.
    """
    needed = quantities(assumed, steps)
    lines = [
        *(_functions(needed, assumed, prices) if assumed.hosting is Hosting.FUNCTIONS else _apps(assumed, prices)),
        _bus(needed, assumed, prices),
        _request_units(needed, assumed, prices),
        Line("documents", needed.stored_gb, "GB", prices.cost("cosmos_storage", needed.stored_gb)),
        Line("vault", needed.vault_reads, "reads", prices.cost("keyvault_operations", needed.vault_reads / 10_000)),
        Line("logs", needed.log_gb, "GB", prices.cost("logs_ingestion", needed.log_gb)),
    ]
    sentinel = prices.cost("sentinel_ingestion", needed.sentinel_gb)
    return Month(assumed=assumed, quantities=needed, lines=lines, sentinel=sentinel)


def _functions(needed: Quantities, assumed: Assumptions, prices: Prices) -> Sequence[Line]:
    used = needed.executions * assumed.execution * assumed.memory
    return (
        Line("functions, time", used, "GB-s", prices.cost("functions_memory", used)),
        Line(
            "functions, executions",
            needed.executions,
            "executions",
            prices.cost("functions_executions", needed.executions / 1e6),
        ),
    )


def _apps(assumed: Assumptions, prices: Prices) -> Sequence[Line]:
    cores = sum(CORES.values()) * assumed.replicas * SECONDS
    memory = sum(GIB.values()) * assumed.replicas * SECONDS
    busy = prices.cost("container_apps_vcpu", cores * assumed.busy)
    idle = prices.cost("container_apps_vcpu_idle", cores * (1 - assumed.busy))
    return (
        Line("container apps, cores", cores, "vCPU-s", busy + idle),
        Line("container apps, memory", memory, "GiB-s", prices.cost("container_apps_memory", memory)),
    )


def _bus(needed: Quantities, assumed: Assumptions, prices: Prices) -> Line:
    if assumed.bus is Bus.PREMIUM:
        cost = prices.cost("servicebus_premium", HOURS)
    else:
        cost = prices.cost("servicebus_standard", 1) + prices.cost("servicebus_operations", needed.bus_operations / 1e6)
    return Line("bus", needed.bus_operations, "operations", cost)


def _request_units(needed: Quantities, assumed: Assumptions, prices: Prices) -> Line:
    if assumed.store is Capacity.SERVERLESS:
        cost = prices.cost("cosmos_serverless", needed.request_units / 1e6)
    else:
        cost = prices.cost("cosmos_autoscale", billed_throughput(needed.request_units, assumed) / 100 * HOURS)
    return Line("store, requests", needed.request_units, "RU", cost)


def billed_throughput(request_units: float, assumed: Assumptions) -> float:
    """Return the request units a second that autoscale is billed for, in all databases together.

    Where the load needs more than the template allows each database, that has to be raised, and is billed for.
    """
    least = LEAST_SHARE * DATABASES * assumed.max_throughput
    return max(least, assumed.peak * request_units / SECONDS)

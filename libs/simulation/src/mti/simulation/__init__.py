"""A simulation of a thousand tenants on a virtual clock: what the noisy ones cost the quiet ones.

The services are the real ones (handlers, schedule, consumers, settlers); the bus, the store, Mimecast and Sentinel are
models that take as long as the parameters say. `docs/fairness.md` tells how to read the outcome.
"""

from mti.simulation.comparison import Comparison, compared
from mti.simulation.freshness import Percentiles, buckets
from mti.simulation.parameters import Noise, Parameters
from mti.simulation.run import RunResult, simulate

__all__ = ["Comparison", "Noise", "Parameters", "Percentiles", "RunResult", "buckets", "compared", "simulate"]

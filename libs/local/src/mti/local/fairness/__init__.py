"""A simulation of a thousand tenants on a virtual clock: what the noisy ones cost the quiet ones.

The services are the real ones (handlers, schedule, consumers, settlers); the bus, the store, Mimecast and Sentinel are
models that take as long as the parameters say. `docs/fairness.md` tells how to read the outcome.
"""

from mti.local.fairness.comparison import Comparison, compared
from mti.local.fairness.freshness import Percentiles, buckets
from mti.local.fairness.parameters import Noise, Parameters
from mti.local.fairness.run import RunResult, simulate

__all__ = ["Comparison", "Noise", "Parameters", "Percentiles", "RunResult", "buckets", "compared", "simulate"]

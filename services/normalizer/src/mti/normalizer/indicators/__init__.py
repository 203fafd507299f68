"""Indicators, built of what is known and put into messages: what operators need to send them again or withdraw them.

The other face of this service is `mti.normalizer.records`.
"""

from mti.normalizer.indicators.building import IndicatorWriter, build
from mti.normalizer.indicators.messages import messages_for, written_messages_for
from mti.normalizer.indicators.policy import reason_of_file
from mti.normalizer.observables import (
    ALGORITHMS,
    Observable,
    Rejected,
    hash_observable,
    indicator_id,
    value_observable,
)

__all__ = [
    "ALGORITHMS",
    "IndicatorWriter",
    "Observable",
    "Rejected",
    "build",
    "hash_observable",
    "indicator_id",
    "messages_for",
    "reason_of_file",
    "value_observable",
    "written_messages_for",
]

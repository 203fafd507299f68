"""What was measured is what the handlers ask for now."""

import pytest

from mti.operations.cost.measured import Step, measured
from tests.support.measuring import measure


async def test_what_is_kept_is_what_is_measured_now() -> None:
    found = await measure()
    stale = [
        f"{name}.{field}: {getattr(kept, field):g} is kept, {value:g} was measured: run `make measure`"
        for name, kept in measured()
        for field, value in getattr(found, name)
        if value != pytest.approx(getattr(kept, field), rel=0.02, abs=0.5 if field.endswith("bytes") else 0.02)
    ]
    assert stale == []


def test_steps_add_up() -> None:
    one, other = Step(request_units=2, reads=1), Step(request_units=3, writes=4)
    assert one + other.times(2) == Step(request_units=8, reads=1, writes=8)
    assert other - one == Step(request_units=1, reads=-1, writes=4)
    assert Step(request_units=1.23456).rounded() == Step(request_units=1.235)

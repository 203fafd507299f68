"""What all tests share, and what holds for all of them."""

from hypothesis import HealthCheck, settings

from tests.support import processes

pytest_plugins = ["tests.support.leaks", "tests.support.purity"]

processes.share()

# How long an example takes is the machine's business, and says nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

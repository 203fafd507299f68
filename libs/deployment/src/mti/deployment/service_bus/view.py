"""The view of a namespace on Azure: by peeking, and by the counts of its administration where these are allowed."""

from mti.deployment.service_bus.loads import measured
from mti.deployment.service_bus.peeks import Peeks
from mti.operations.bus import BusLoads


class ServiceBusView(Peeks):
    """The port `mti.operations.bus.BusView` by the SDK. See `Peeks` for what it is made of."""

    async def loads(self) -> BusLoads:
        """See `mti.operations.bus.BusView`. What could not be seen meanwhile is in the loads' own notes."""
        return await measured(self.anew(), self._topology, self._destinations, self._administration)

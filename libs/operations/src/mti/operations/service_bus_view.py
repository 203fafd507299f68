"""The view of a namespace on Azure: by peeking, and by the counts of its administration where these are allowed."""

from mti.operations.bus import BusLoads
from mti.operations.service_bus_loads import measured
from mti.operations.service_bus_peeks import Peeks


class ServiceBusView(Peeks):
    """The port `mti.operations.bus.BusView` by the SDK. See `Peeks` for what it is made of."""

    async def loads(self) -> BusLoads:
        """See `mti.operations.bus.BusView`. What could not be seen meanwhile is in the loads' own notes."""
        return await measured(self.anew(), self._topology, self._destinations, self._administration)

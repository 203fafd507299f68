"""The fetcher as a function app: a timer that queues what is due, and a page a job.

The functions of the platform's model v2 for Python; what they do is in `mti.functions`. The names between `%` are those
of app settings, to the letter: the platform resolves them too, when it decides how many instances there are to be.
One message at a time: its lock is renewed, the limits of host.json apply, and none touches its neighbour
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger).
"""

import azure.functions as func

from mti.functions.host import Host
from mti.functions.operator import operator_functions

host = Host("fetcher")
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(operator_functions(host))


@app.function_name("schedule")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=True)
async def schedule(timer: func.TimerRequest, context: func.Context) -> None:  # noqa: ARG001  a timer is given one
    """Every minute, queue a job for each source that is due."""
    await host.schedule(context)


@app.function_name("fetch")
@app.service_bus_queue_trigger(
    arg_name="message",
    connection="ServiceBus",
    queue_name="%MTI_FETCH_JOBS_QUEUE%",
    cardinality=func.Cardinality.ONE,
    data_type=func.DataType.BINARY,
)
async def fetch(message: func.ServiceBusMessage, context: func.Context) -> None:
    """Fetch one page of one source."""
    await host.handle(message, context)

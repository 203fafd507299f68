"""The publisher as a function app: a message of a workspace's session at a time, and withdrawals over HTTP.

The functions of the platform's model v2 for Python; what they do is in `mti.functions`. The names between `%` are those
of app settings, to the letter: the platform resolves them too, when it decides how many instances there are to be.
One message at a time: its lock is renewed, the limits of host.json apply, and none touches its neighbour
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger).
"""

import azure.functions as func

from mti.functions.host import Host
from mti.functions.operator import operator_functions
from mti.functions.withdrawing import withdrawal_functions

host = Host("publisher")
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(operator_functions(host))
app.register_functions(withdrawal_functions())


@app.function_name("publish")
@app.service_bus_topic_trigger(
    arg_name="message",
    connection="ServiceBus",
    topic_name="%MTI_INDICATORS_TOPIC%",
    subscription_name="%MTI_INDICATORS_SUBSCRIPTION%",
    cardinality=func.Cardinality.ONE,
    data_type=func.DataType.BINARY,
    is_sessions_enabled=True,
)
async def publish(message: func.ServiceBusMessage, context: func.Context) -> None:
    """Upload what one message holds to the workspace of its session."""
    await host.handle(message, context)

"""What stands behind the ports of `mti.operations` on Service Bus: the SDK's view of a namespace, and dead letters."""

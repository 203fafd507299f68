"""AMQP 1.0: codec, frames, connections, sessions and links."""

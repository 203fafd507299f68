"""AMQP 1.0: frames, connections, sessions and links."""

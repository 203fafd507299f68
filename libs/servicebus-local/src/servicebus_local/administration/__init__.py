"""HTTP beside AMQP: what the namespace holds, and a hand on its clock."""

"""The AMQP message format: taking messages apart and putting deliveries together."""

"""What a message broker decides: entities, locks, sessions, rules, duplicates and times. Knows nothing of AMQP frames."""

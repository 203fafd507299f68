"""What a message broker decides: entities, locks, sessions, rules, duplicates, times. Knows nothing of AMQP frames."""

"""AMQP 1.0 below frames and messages: the codec of its types, their descriptors, and where encoded values end."""

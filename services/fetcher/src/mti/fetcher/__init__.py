"""Publishes Mimecast's threat-intelligence feeds to the bus: one job, one page, one step of a checkpoint."""

"""What stands behind the ports, opened from the settings: the one place that knows adapters and settings both.

Its modules are imported by their names: who only looks into a store (`stores`) does not load the SDK of the bus
(`parts`).
"""

"""A sample: three customers' workspaces with a month of intelligence and two weeks of what it met.

The indicators are built by the normalizer's own code and kept as the simulated Sentinel keeps them. All else is made
up, from a seed, relative to the time of looking.
"""

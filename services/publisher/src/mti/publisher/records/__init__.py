"""The records of the publisher, which operators use too: what workspaces hold, and where each destination stands."""

"""The records of the normalizer, which operators use too: what is known and handled, and how far each source is."""

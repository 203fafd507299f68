"""Where the tables of a preview come from: a folder of an embedded run, a sample, or the one filled up by the other."""

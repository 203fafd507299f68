"""The records of the fetcher, which operators read and write too: what was fetched, and where each source stands."""

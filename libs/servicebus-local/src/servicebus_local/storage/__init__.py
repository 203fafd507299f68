"""SQLite: what survives the process."""

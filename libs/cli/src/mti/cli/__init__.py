"""The `mti` command: arguments in, text or JSON out. What it does is in `mti.operations` and `mti.stack`."""

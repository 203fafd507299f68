"""The operator's console: pages over `mti.operations` and `mti.deployment`, as the `mti` command is text over them."""

"""The embedded stack: the local namespace, SQLite and the three services as separate processes of one machine.

What looks at a stack's folder imports `layout`, `attach` and the views; only what runs one imports `stack` and `run`,
which bring the bus's SDK with them. `launching` starts the processes; `demo` runs the whole against simulated feeds.
"""

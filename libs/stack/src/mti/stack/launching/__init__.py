"""Starting our own programs as processes that end with whoever started them, from one process that imported once.

`launcher` starts them, and `processes` says what is returned. `fork_server` is the process that imports once and forks
for each; `lifeline` is what ends a process with its parent. Where forking is not safe (macOS, whose system libraries
do not survive it: https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods) each program is
started by itself.
"""

"""The services as Azure Functions: what stands between the host of function apps and the handlers.

`function_app.py` of each service says which functions there are; they hand what they are given to a `Host` of this
package. It runs the same handler and settler as the service's `worker.py`. What it needs is loaded and opened when the
first message comes, once a process: the host starts the interpreter, asks it which functions there are, and may never
send it a message.
"""

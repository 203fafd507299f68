"""`python -m mti.stack.launching LINE ARGUMENTS…`: what `python ARGUMENTS…` runs, under a lifeline.

LINE is the number of an inherited socket.
"""

import socket
import sys

from mti.stack.launching import lifeline, program

if __name__ == "__main__":
    lifeline.hold(socket.socket(fileno=int(sys.argv[1])))
    program.run(sys.argv[2:])

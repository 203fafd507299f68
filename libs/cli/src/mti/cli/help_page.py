"""What `mti --help` says on a terminal of 80 columns or more, ready made.

The command line in `application.py` says the same, which a test holds it to, but needs ten times as long to be loaded.
"""

COLUMNS = 80
"""From this width on the page is the same for every terminal."""

PAGE = """\
Usage: mti [OPTIONS] COMMAND [ARGS]...

  Moves Mimecast threat intelligence into Microsoft Sentinel, for many tenants
  at once.

Options:
  -v, --verbose  Say more on stderr.
  --help         Show this message and exit.

Commands:
  up           Run the whole pipeline on this machine: local namespace,...
  demo         Run six tenants in two regions through the whole pipeline,...
  simulate     Simulate a thousand tenants with and without noisy ones,...
  bus          Serve a Service Bus namespace on this machine, for...
  status       Show what came in, what became of it, what waits and why:...
  reconcile    Compare every detection and every indicator with what...
  backfill     Send a tenant's workspace all that is still valid.
  revoke       Send `revoked: true` to every workspace that holds it, and...
  tenants      Check, list, import and export the tenants; pause, resume...
  dlq          Look at dead letters, replay, mend and purge them.
  checkpoints  Show how far everything has come; fetch a source again.
"""

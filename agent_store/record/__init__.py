"""What records into the store: hooks, programs that call the API, programs with state of their own.

All of them append to a spool, which the next build lands.
"""

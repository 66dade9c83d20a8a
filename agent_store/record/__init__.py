"""Everything that records into the store: hooks, programs that call the API, programs with their own state.

All of them append to a spool, which the next build lands.
"""

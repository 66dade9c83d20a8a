"""What records into the store: hooks, programs that call the API, programs that keep their own state. All append to a spool."""

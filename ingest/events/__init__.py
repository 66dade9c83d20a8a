"""Events that hooks and programs record: files of a spool, one event a line."""

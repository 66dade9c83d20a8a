"""Events recorded by hooks and programs: files of a spool, one event per line."""

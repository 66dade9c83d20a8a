"""Showing the store: the report, the ledger, tables in a terminal, free queries, single lines and the docs site."""

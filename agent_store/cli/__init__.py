"""The command line: `agent-store ingest | build | report | query | line | doctor | docs | scan | check | dbt
| plugin | schedule`.

Start-up matters: DuckDB, rich and dbt are imported by the command that needs them, never by `--help`.
Exit codes: 0 done; 1 failed, nothing was published; 2 wrong usage; 3 no published store; 4 published, but a model
failed, or --strict and a check found something; 130 stopped with Ctrl-C; 141 stopped because nobody read the output of a
command that does something.
"""

from agent_store.cli.program import UNREAD, cli, main

__all__ = ["UNREAD", "cli", "main"]

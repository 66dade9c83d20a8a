"""`python -m agent_store.cli`."""

from agent_store.cli import main

main()

"""The MCP server: the questions of the library as tools.

The process with the protocol (`server`) asks one child (`worker`), the only one that opens the store. SQL from a model
runs in a third process (`agent_store.serve.sandbox`).
"""

"""The MCP server: the questions of the library as tools.

The process that speaks the protocol (`server`) asks one child of its own (`worker`), which alone opens the store. SQL of a
model runs in yet another process (`agent_store.serve.sandbox`).
"""

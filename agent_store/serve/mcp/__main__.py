"""The server on standard input and output, without the command line around it: the plugin uses this because it starts
faster."""

from agent_store.serve.mcp import server

server.serve()

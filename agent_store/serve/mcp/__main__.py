"""The server on standard input and output, without the command line around it: the plugin starts it so, a little sooner."""

from agent_store.serve.mcp import server

server.serve()

"""An MCP server with one tool, which asks the user something before it answers; over standard input and output."""

from __future__ import annotations

import json
import sys
from typing import Any


def send(**message: Any) -> None:
    """One message of JSON-RPC."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer until the client goes."""
    asked_for: Any = None
    for line in sys.stdin:
        message = json.loads(line)
        number = message.get("id")
        match message.get("method"):
            case "initialize":
                version, server = message["params"]["protocolVersion"], {"name": "asks", "version": "1"}
                send(
                    id=number,
                    result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server},
                )
            case "tools/list":
                send(id=number, result={"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]})
            case "tools/call":
                asked_for = number
                form = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
                send(
                    id="asked",
                    method="elicitation/create",
                    params={"message": "Really?", "requestedSchema": form},
                )
            case None:
                answer = json.dumps(message.get("result"))
                send(id=asked_for, result={"content": [{"type": "text", "text": answer}]})
            case _ if number is not None:
                send(id=number, error={"code": -32601, "message": "there is no such method"})


if __name__ == "__main__":
    main()

"""Not quite an MCP server: lists one tool by the book, then answers its call as ``python rude.py HOW`` says."""

from __future__ import annotations

import json
import sys
from typing import Any

HOW = sys.argv[1]


def answer(request: dict[str, Any], result: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)


print("rude server 1.0, listening", flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if "id" not in message:
        continue
    if method == "initialize" and HOW != "mute":
        server = {"name": "rude", "version": "1"}
        answer(message, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server})
    elif method == "tools/list":
        cursor = (message.get("params") or {}).get("cursor", "0")
        page = {"tools": [{"name": f"tool{cursor}", "inputSchema": {"type": "object"}}]}
        answer(message, {**page, **({"nextCursor": str(int(cursor) + 1)} if cursor != "2" else {})})
    elif method == "tools/call":
        if HOW == "garbage":
            print('{"jsonrpc": "2.0", "id": ', flush=True)
        elif HOW == "shape":
            answer(message, {"content": "not a list"})
        elif HOW in ("error", "closed"):
            error = {"code": -32603, "message": "database is locked"}
            if HOW == "closed":
                error = {"code": -32000, "message": "Connection closed"}
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)
    elif HOW != "mute":
        error = {"code": -32601, "message": "Method not found"}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)

"""A scripted MCP server on stdio for cases: ``python raw_mcp.py JSON`` with what it says and when.

Keys: ``tools`` (its list, raw), ``pages`` (further lists), ``start`` (lines written before anything), ``reply`` (what
a call of a tool is answered with, by the tool's name: lines in which ``@ID`` is the request's id; ``"exit"`` ends it),
``unknown`` (``error``, ``silent`` or ``exit``: what it does with methods that it does not know).
"""

import json
import sys

SPEC = json.loads(sys.argv[1])
ECHO = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}


def say(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()


def answer(request: dict, key: str, value: object) -> None:
    say(json.dumps({"jsonrpc": "2.0", "id": request["id"], key: value}))


for line in SPEC.get("start", []):
    say(line)
for text in sys.stdin:
    message = json.loads(text)
    method, params = message.get("method"), message.get("params") or {}
    if "id" not in message:
        continue
    if method == "initialize":
        server = {"name": "raw", "version": "1"}
        answer(
            message, "result", {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
        )
    elif method == "tools/list":
        pages = [SPEC.get("tools", [ECHO]), *SPEC.get("pages", [])]
        at = int(params.get("cursor") or 0)
        more = {"nextCursor": str(at + 1)} if at + 1 < len(pages) else {}
        answer(message, "result", {"tools": pages[at], **more})
    elif method == "tools/call":
        name, given = params["name"], params.get("arguments") or {}
        lines = SPEC.get("reply", {}).get(given.get("text") or name, SPEC.get("reply", {}).get(name))
        if lines is None:
            answer(message, "result", {"content": [{"type": "text", "text": f"{name}: {given.get('text', '')}"}]})
        elif lines == "exit":
            sys.exit(3)
        else:
            for one in lines:
                say(one.replace("@ID", json.dumps(message["id"])))
    elif SPEC.get("unknown", "error") == "error":
        answer(message, "error", {"code": -32601, "message": "Method not found"})
    elif SPEC["unknown"] == "exit":
        sys.exit(0)

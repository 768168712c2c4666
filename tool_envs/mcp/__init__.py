"""Tools of MCP servers, over stdio or HTTP."""

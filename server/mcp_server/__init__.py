"""TODO describe server.mcp_server."""

"""The MCP server and its process: what it offers, how it starts, and how it ends."""

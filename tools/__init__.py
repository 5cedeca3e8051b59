"""The edge that a model touches: one file per MCP tool."""

"""The MCP tools: one module per tool, in a package per toolset, and `edge` for what they share."""

"""The answers of tools, which commands give too. They import nothing of MCP, which is slow to import."""

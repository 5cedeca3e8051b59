"""The approvals API: list, show and answer approval requests over HTTP, with the same access rules as `/mcp`."""

"""The ASGI application: MCP over HTTP, health checks, identity, and the approvals API."""

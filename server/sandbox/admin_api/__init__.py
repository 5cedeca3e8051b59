"""TODO describe server.sandbox.admin_api."""

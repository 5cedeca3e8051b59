"""What people and their programs ask for over HTTP beside `/mcp`, behind the same door."""

"""Identity over HTTP: bearer tokens, the public keys that verify them, and the principal that they name."""

"""Who calls over HTTP: bearer tokens, the keys that they are checked with, and the caller that they stand for."""

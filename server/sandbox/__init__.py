"""A Glean to try things on: three of its APIs over real HTTP, its whole state in one SQLite file, and full-text search.

The `state` knows no HTTP. A dialect (`admin_api`, `indexing_api`, `search_api`) is a table of operations over it, which
`http` runs as requests: token, body, answer. `serve` starts it, in this process or as a command. Nothing heavy is
imported from here.
"""

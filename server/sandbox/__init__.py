"""The Glean sandbox: three of Glean's APIs over real HTTP with full-text search, and all state in one SQLite file.

`state` knows no HTTP. A dialect (`admin_api`, `indexing_api`, `search_api`) is a table of operations on the state;
`http` checks the token, reads the body, runs the operation and sends the answer. `serve` starts the sandbox, in this
process or as a command. Nothing heavy is imported here.
"""

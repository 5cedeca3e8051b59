"""A Glean to try things on: the Admin API over real HTTP, its whole state in one SQLite file, and full-text search.

Three layers. The state (`database`, `datasources`, `uploads`, `jobs`, `search`, …) knows no HTTP; a dialect (`admin`)
is a table of operations over it; `pipeline` runs an operation as a request: token, body, limits, scripted faults.
`sandbox.Sandbox` is the way in for a test or a person, `serve` starts it. Nothing heavy is imported from here.
"""

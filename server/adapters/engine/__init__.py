"""Runs sagas: `durable.DurableEngine` so that they outlive processes, `inline.InlineEngine` for tests.

`durable` imports DBOS, through `runtime`, only when a saga is about to run; `journal` and `liveness` do without.
"""

"""Saga engine: `engine.DurableEngine` runs sagas so that they survive their process.

`engine` imports DBOS, through `dbos_runtime`, only when a saga is about to run. The journals and the liveness modules
work without it, since reading tools should not pay for its import.
"""

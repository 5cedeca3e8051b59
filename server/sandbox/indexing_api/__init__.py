"""The Indexing dialect: Glean's public API at `/api/index/v1`, as strict as Glean is documented or assumed to be.

Facts are from https://developers.glean.com/api-info/indexing/getting-started/overview and Glean's OpenAPI files.
Behaviour that no public source documents is a switch (`server.sandbox.state.switches`).
"""

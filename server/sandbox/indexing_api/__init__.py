"""The Indexing dialect: Glean's public API at `/api/index/v1`, as strict as the real one is known or taken to be.

Facts are from https://developers.glean.com/api-info/indexing/getting-started/overview and Glean's OpenAPI files; what
no public source tells is a switch (`server.sandbox.state.switches`).
"""

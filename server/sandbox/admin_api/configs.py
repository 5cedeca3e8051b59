"""Checks connector configurations of the Admin dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox.http.decoding import decode_json
from server.sandbox.state.content.connectors import CONNECTORS

if TYPE_CHECKING:
    import msgspec

    from server.sandbox.state.content.connectors import Connector


def validate_config(connector: Connector, raw: bytes | msgspec.Raw) -> str:
    """Check a configuration and return the JSON to store, exactly as it was sent.

    Raises:
        RefusedError: `invalid`, naming the field below `config`.
    """
    decode_json(CONNECTORS[connector].config, raw, "config")
    return bytes(raw).decode()

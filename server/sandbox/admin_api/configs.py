"""Configurations as they are sent in the Admin dialect: which are refused, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox.http.decoding import decode_json
from server.sandbox.state.content.connectors import CONNECTORS

if TYPE_CHECKING:
    import msgspec

    from server.sandbox.state.content.connectors import Connector


def validate_config(connector: Connector, raw: bytes | msgspec.Raw) -> str:
    """The configuration as it is to be stored: JSON, with everything that was sent.

    Raises:
        RefusedError: `invalid`, naming the field below `config`.
    """
    decode_json(CONNECTORS[connector].config, raw, "config")
    return bytes(raw).decode()

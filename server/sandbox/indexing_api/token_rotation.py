"""Rotation of an indexing token's secret (https://developers.glean.com/api-info/indexing/authentication/token-rotation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox.http.responses import ApiResponse
from server.sandbox.state.tokens import rotate_token_secret

if TYPE_CHECKING:
    from server.sandbox.http.operation import ApiRequest
    from server.sandbox.state.state import SandboxState


def rotate_token(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """Answer a new secret for the token of this request; the old one is accepted for ten minutes more."""
    now = world.now()
    with world.database.write() as connection:
        secret, minutes = rotate_token_secret(connection, call.bearer, now)
        world.record_effect(connection, "rotatetoken")
    return ApiResponse(payload={"rawSecret": secret, "createdAt": int(now), "rotationPeriodMinutes": minutes})

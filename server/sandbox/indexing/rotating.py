"""The rotation of an indexing token's secret (https://developers.glean.com/api-info/indexing/authentication/token-rotation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox import tokens
from server.sandbox.answers import ApiResponse

if TYPE_CHECKING:
    from server.sandbox.pipeline import ApiRequest
    from server.sandbox.world import SandboxState


def rotate_token(world: SandboxState, call: ApiRequest) -> ApiResponse:
    """A new secret for the token of this request, whose old one serves ten minutes more."""
    now = world.now()
    with world.database.write() as connection:
        secret, minutes = tokens.rotate_token_secret(connection, call.bearer, now)
        world.record_effect(connection, "rotatetoken")
    return ApiResponse(payload={"rawSecret": secret, "createdAt": int(now), "rotationPeriodMinutes": minutes})

"""The rotation of an indexing token's secret (https://developers.glean.com/api-info/indexing/authentication/token-rotation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.sandbox import tokens
from server.sandbox.answers import Answer

if TYPE_CHECKING:
    from server.sandbox.pipeline import Call
    from server.sandbox.world import World


def rotate_token(world: World, call: Call) -> Answer:
    """A new secret for the token of this request, whose old one serves ten minutes more."""
    now = world.now()
    with world.database.write() as connection:
        secret, minutes = tokens.rotate(connection, call.bearer, now)
        world.record(connection, "rotatetoken")
    return Answer(payload={"rawSecret": secret, "createdAt": int(now), "rotationPeriodMinutes": minutes})

"""Bearer tokens: JWTs (RFC 7519, RFC 9068) that the configured issuer signed for this server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import jwt
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from domain.errors import ForbiddenError
from server.web.auth.jwks import UnknownKeyError
from server.web.auth.token_claims import MalformedClaimError, principal_from_claims, scopes_from_claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model import Principal
    from server.web.auth.jwks import Keys

_log: Final = logging.getLogger(__name__)
_NEEDED: Final = ["exp", "iss", "aud", "sub"]


class BearerTokenVerifier:
    """Verifies tokens for the SDK. A token that cannot be checked is refused."""

    def __init__(
        self, keys: Keys, *, issuer: str, audience: str, algorithms: Sequence[str], leeway_s: int = 30
    ) -> None:
        """Accept tokens of that issuer for that audience, signed with one of the algorithms and keys."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._leeway_s = leeway_s

    async def verify_token(self, token: str) -> AccessToken | None:
        """Verify a token, and return what it grants; None when it is refused. Raises KeysUnavailableError.

        The log says why a token was refused, and nothing of its content.
        """
        try:
            return self._build_access_token(await self._decode_token(token))
        except UnknownKeyError:
            why = "signed with a key that the issuer does not have"
        except MalformedClaimError as error:
            why = f"malformed claim {error}"
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            why = type(error).__name__
        _log.info("A bearer token was refused: %s.", why)
        return None

    def _build_access_token(self, claims: dict[str, Any]) -> AccessToken:
        principal = principal_from_claims(claims)
        return AccessToken(
            token="",  # nothing needs the token any more, and a secret that is not kept cannot leak
            client_id=_text_or_none(claims.get("client_id"))
            or _text_or_none(claims.get("azp"))
            or principal.subject,
            scopes=scopes_from_claims(claims),
            expires_at=int(claims["exp"]) + self._leeway_s,
            resource=self._audience,
            subject=principal.subject,
            claims=claims,
        )

    async def _decode_token(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in self._algorithms:
            raise jwt.InvalidAlgorithmError
        key = await self._keys.get_key(header.get("kid"))
        return jwt.decode(
            token,
            key,
            algorithms=self._algorithms,
            audience=self._audience,
            issuer=self._issuer,
            leeway=self._leeway_s,
            options={"require": _NEEDED, "enforce_minimum_key_length": True},
        )


def require_bearer_principal() -> Principal:
    """The principal of the token in the request that is being answered.

    Raises ForbiddenError without one: with identity configured there is no default principal.
    """
    token = get_access_token()
    if token is None or token.claims is None:
        raise ForbiddenError(
            "This request carries no identity.", suggested_action="Call with a bearer token of your own."
        )
    return principal_from_claims(token.claims)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None

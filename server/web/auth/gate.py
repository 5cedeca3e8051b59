"""The gate: what checks callers over HTTP when identity is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.auth.settings import AuthSettings
from starlette.responses import JSONResponse

from domain.errors import PreconditionUnknownError
from domain.policy import SCOPE_PROVISION, SCOPE_READ, SCOPE_TEARDOWN
from server.web.auth.jwks import PAUSE_S, Keys, KeysUnavailableError, build_keys
from server.web.auth.token_verifier import BearerTokenVerifier

if TYPE_CHECKING:
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Scope, Send

    from server.settings.identity import IdentitySettings

_MCP: Final = "/mcp"
_UNCHECKED: Final = {
    "error": "temporarily_unavailable",
    "error_description": "Tokens cannot be checked at the moment.",
}
"""The answer at `/mcp`, in the form that OAuth clients expect."""
_OFFERED: Final = [SCOPE_READ, SCOPE_PROVISION, SCOPE_TEARDOWN]
"""The scopes that a client may request: those of the tools. Approving is left out, because agents never may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How callers over HTTP are identified: what the SDK needs, and the address of this server."""

    auth: AuthSettings
    verifier: BearerTokenVerifier
    keys: Keys
    audience: str

    @property
    def host(self) -> str:
        """The host of this server as clients know it, with its port unless that is the default."""
        return urlsplit(self.audience).netloc

    @property
    def origin(self) -> str:
        """The origin of this server as clients know it."""
        return f"{urlsplit(self.audience).scheme}://{self.host}"

    @property
    def metadata_url(self) -> str:
        """The URL of the protected-resource metadata."""
        # `build_gate` always sets it.
        return str(build_resource_metadata_url(self.auth.resource_server_url))  # type: ignore[arg-type]

    def metadata_routes(self) -> list[Route]:
        """The routes of the protected-resource metadata (RFC 9728), at the URL that a 401 names."""
        return create_protected_resource_routes(
            # `build_gate` always sets it.
            resource_url=self.auth.resource_server_url,  # type: ignore[arg-type]
            authorization_servers=[self.auth.issuer_url],
            scopes_supported=_OFFERED,
        )


def build_gate(settings: IdentitySettings) -> Gate | None:
    """Build the configured gate; None without identity. Raises SettingsError for an invalid public key."""
    if settings.issuer is None or settings.audience is None:
        return None
    keys = build_keys(settings)
    return Gate(
        auth=AuthSettings.model_validate(  # from text: an AnyHttpUrl would end the issuer with a slash of its own
            {
                "issuer_url": settings.issuer,
                "resource_server_url": settings.audience,
                "required_scopes": [SCOPE_READ],
                "validate_token_resource": True,
            }
        ),
        verifier=BearerTokenVerifier(
            keys,
            issuer=settings.issuer,
            audience=settings.audience,
            algorithms=settings.algorithms,
            leeway_s=settings.leeway_s,
        ),
        keys=keys,
        audience=settings.audience,
    )


class KeysUnavailableMiddleware:
    """ASGI middleware that answers 503 while the issuer's keys are unavailable and no token can be checked."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 503 with `Retry-After` when a token cannot be checked. By then no response has begun."""
        try:
            await self._app(scope, receive, send)
        except KeysUnavailableError:
            refusal = JSONResponse(
                _UNCHECKED if scope["path"] == _MCP else {"error": _keys_unavailable_error().as_dict()},
                status_code=503,
                headers={"Retry-After": str(int(PAUSE_S))},
            )
            await refusal(scope, receive, send)


def _keys_unavailable_error() -> PreconditionUnknownError:
    return PreconditionUnknownError(
        "Tokens cannot be checked at the moment: the issuer's keys are unavailable.",
        retry_after_s=PAUSE_S,
        suggested_action="Wait, then call again; `dataset-lifecycle doctor` shows whether the keys are available.",
    )

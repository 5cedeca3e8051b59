"""What stands before `/mcp` when identity is configured."""

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
"""As OAuth's clients read it."""
_OFFERED: Final = [SCOPE_READ, SCOPE_PROVISION, SCOPE_TEARDOWN]
"""What a client that reads the metadata may ask its user for: what the tools need, and no approving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How callers over HTTP are known: what the SDK needs, and where this server says it stands."""

    auth: AuthSettings
    verifier: BearerTokenVerifier
    keys: Keys
    audience: str

    @property
    def host(self) -> str:
        """The host that clients know this server by, with its port when that is not the usual one."""
        return urlsplit(self.audience).netloc

    @property
    def origin(self) -> str:
        """The origin of that address."""
        return f"{urlsplit(self.audience).scheme}://{self.host}"

    @property
    def metadata_url(self) -> str:
        """Where the metadata is."""
        # `build_gate` always sets it.
        return str(build_resource_metadata_url(self.auth.resource_server_url))  # type: ignore[arg-type]

    def metadata_routes(self) -> list[Route]:
        """The protected-resource metadata (RFC 9728), at the place that a 401 names."""
        return create_protected_resource_routes(
            # `build_gate` always sets it.
            resource_url=self.auth.resource_server_url,  # type: ignore[arg-type]
            authorization_servers=[self.auth.issuer_url],
            scopes_supported=_OFFERED,
        )


def build_gate(settings: IdentitySettings) -> Gate | None:
    """The gate as configured, None without identity. Raises SettingsError for a key that is none."""
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
    """ASGI middleware: while the issuer's keys cannot be had, whoever presents a token is told to come back."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before that application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 503 when the check of a token failed for want of keys; nothing has been answered by then."""
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
        "Tokens cannot be checked at the moment: the issuer's keys cannot be had.",
        retry_after_s=PAUSE_S,
        suggested_action="Wait and ask again; `dataset-lifecycle doctor` shows whether the keys can be had.",
    )

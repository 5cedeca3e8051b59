"""Permissions of stored documents of the Indexing dialect."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from domain.model import build_decoder


class _User(Struct, frozen=True, rename="camel"):
    email: str | None = None
    datasource_user_id: str | None = None


class _Permissions(Struct, frozen=True, rename="camel"):
    allow_anonymous_access: bool = False
    allow_all_datasource_users_access: bool = False
    allowed_users: list[_User] = []


class _PermittedDocument(Struct, frozen=True):
    """The permissions of a document, without its other fields."""

    permissions: _Permissions = _Permissions()


def may_see(raw: bytes, email: str, user_id: str | None) -> bool:
    """Whether a user of the datasource may see a document; without permissions nobody may."""
    permissions = _decode_document(raw).permissions
    if permissions.allow_anonymous_access or permissions.allow_all_datasource_users_access:
        return True
    return any(
        (each.email is not None and each.email.casefold() == email)
        or (user_id is not None and each.datasource_user_id == user_id)
        for each in permissions.allowed_users
    )


_decode_document: Final = build_decoder(_PermittedDocument).decode

"""Bodies of requests, with the fields of Glean's OpenAPI file (`indexing.yaml`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Epoch: TypeAlias = Annotated[int, Meta(ge=0)]
"""Seconds since 1970."""
Category: TypeAlias = Literal[
    "UNCATEGORIZED",
    "TICKETS",
    "CRM",
    "PUBLISHED_CONTENT",
    "COLLABORATIVE_CONTENT",
    "QUESTION_ANSWER",
    "MESSAGING",
    "CODE_REPOSITORY",
    "CHANGE_MANAGEMENT",
    "PEOPLE",
    "EMAIL",
    "SSO",
    "ATS",
    "KNOWLEDGE_HUB",
    "EXTERNAL_SHORTCUT",
    "ENTITY",
    "CALENDAR",
    "AGENTS",
    "AI_CONVERSATION",
    "AI_ARTIFACT",
]


class _Camel(Struct, rename="camel", kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    pass


class PropertyDefinition(_Camel, kw_only=True):
    """One custom property that documents of a type may have."""

    name: Text
    display_label: str | UnsetType = UNSET
    display_label_plural: str | UnsetType = UNSET
    property_type: (
        Literal["TEXT", "DATE", "INT", "USERID", "PICKLIST", "TEXTLIST", "MULTIPICKLIST"] | UnsetType
    ) = UNSET
    ui_options: Literal["NONE", "SEARCH_RESULT", "DOC_HOVERCARD"] | UnsetType = UNSET
    hide_ui_facet: bool | UnsetType = UNSET
    ui_facet_order: int | UnsetType = UNSET
    skip_indexing: bool | UnsetType = UNSET
    group: str | UnsetType = UNSET


class ObjectDefinition(_Camel, kw_only=True):
    """Type of document or of container."""

    name: Text
    display_label: str | UnsetType = UNSET
    doc_category: Category
    property_definitions: list[PropertyDefinition] | UnsetType = UNSET
    property_groups: list[Any] | UnsetType = UNSET
    summarizable: bool | UnsetType = UNSET


class DatasourceConfig(_Camel, kw_only=True):
    """`CustomDatasourceConfig`."""

    name: Text
    display_name: str | UnsetType = UNSET
    datasource_category: Category | UnsetType = UNSET
    url_regex: str | UnsetType = UNSET
    icon_url: str | UnsetType = UNSET
    object_definitions: list[ObjectDefinition] | UnsetType = UNSET
    suggestion_text: str | UnsetType = UNSET
    home_url: str | UnsetType = UNSET
    crawler_seed_urls: list[str] | UnsetType = UNSET
    icon_dark_url: str | UnsetType = UNSET
    hide_built_in_facets: list[Literal["TYPE", "TAG", "AUTHOR", "OWNER"]] | UnsetType = UNSET
    canonicalizing_url_regex: list[Any] | UnsetType = field(default=UNSET, name="canonicalizingURLRegex")
    canonicalizing_title_regex: list[Any] | UnsetType = UNSET
    redlist_title_regex: str | UnsetType = UNSET
    connector_type: (
        Literal[
            "API_CRAWL",
            "BROWSER_CRAWL",
            "BROWSER_HISTORY",
            "BUILTIN",
            "FEDERATED_SEARCH",
            "PUSH_API",
            "WEB_CRAWL",
            "NATIVE_HISTORY",
        ]
        | UnsetType
    ) = UNSET
    quicklinks: list[Any] | UnsetType = UNSET
    render_config_preset: str | UnsetType = UNSET
    aliases: list[str] | UnsetType = UNSET
    is_on_prem: bool | UnsetType = UNSET
    trust_url_regex_for_view_activity: bool | UnsetType = UNSET
    include_utm_source: bool | UnsetType = UNSET
    strip_fragment_in_canonical_url: bool | UnsetType = UNSET
    identity_datasource_name: str | UnsetType = UNSET
    product_access_group: str | UnsetType = UNSET
    is_user_referenced_by_email: bool | UnsetType = UNSET
    is_entity_datasource: bool | UnsetType = UNSET
    is_test_datasource: bool = False


class Content(_Camel, kw_only=True):
    """Text with its MIME type."""

    mime_type: Literal["text/plain", "text/html", "text/markdown", "text/csv"]
    text_content: str | UnsetType = UNSET


class UserReference(_Camel, kw_only=True):
    """Reference to a user, by e-mail address or by the datasource's own id."""

    email: Text | UnsetType = UNSET
    datasource_user_id: Text | UnsetType = UNSET
    name: str | UnsetType = UNSET


class Permissions(_Camel, kw_only=True):
    """Permissions of a document; without any, nobody may see it."""

    allowed_users: list[UserReference] | UnsetType = UNSET
    allowed_groups: list[str] | UnsetType = UNSET
    allowed_group_intersections: list[Any] | UnsetType = UNSET
    allow_anonymous_access: bool | UnsetType = UNSET
    allow_all_datasource_users_access: bool | UnsetType = UNSET


class Comment(_Camel, kw_only=True):
    """Comment on a document."""

    id: Text
    author: UserReference | UnsetType = UNSET
    content: Content | UnsetType = UNSET
    created_at: Epoch | UnsetType = UNSET
    updated_at: Epoch | UnsetType = UNSET
    updated_by: UserReference | UnsetType = UNSET


class CustomProperty(_Camel, kw_only=True):
    """Custom property of a document; a boolean is no valid value."""

    name: Text
    value: str | int | float | list[str]


class Document(_Camel, kw_only=True):
    """`DocumentDefinition`."""

    datasource: Text
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    object_type: Text
    title: str | UnsetType = UNSET
    filename: str | UnsetType = UNSET
    container: str | UnsetType = UNSET
    container_datasource_id: str | UnsetType = UNSET
    container_object_type: Text | UnsetType = UNSET
    view_url: Text | UnsetType = field(default=UNSET, name="viewURL")
    summary: Content | UnsetType = UNSET
    body: Content | UnsetType = UNSET
    author: UserReference | UnsetType = UNSET
    owner: UserReference | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    created_at: Epoch | UnsetType = UNSET
    updated_at: Epoch | UnsetType = UNSET
    updated_by: UserReference | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    interactions: dict[str, Any] | UnsetType = UNSET
    status: str | UnsetType = UNSET
    additional_urls: list[str] | UnsetType = UNSET
    native_app_url: str | UnsetType = UNSET
    comments: list[Comment] | UnsetType = UNSET
    custom_properties: list[CustomProperty] | UnsetType = UNSET


class User(_Camel, kw_only=True):
    """`DatasourceUserDefinition`."""

    email: Text
    name: str
    user_id: str | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class BulkPage(_Camel, kw_only=True):
    """Fields that pages of documents and of users share."""

    upload_id: Text
    datasource: Text
    is_first_page: bool = False
    is_last_page: bool = False
    force_restart_upload: bool = False


class BulkIndexDocumentsRequest(BulkPage, kw_only=True):
    """`BulkIndexDocumentsRequest`. Each document is decoded on its own, so that an error names its index."""

    documents: list[Raw]
    disable_stale_document_deletion_check: bool = False


class BulkIndexUsersRequest(BulkPage, kw_only=True):
    """`BulkIndexUsersRequest`."""

    users: list[User]
    disable_stale_data_deletion_check: bool = False


class IndexDocumentRequest(_Camel, kw_only=True):
    """`IndexDocumentRequest`."""

    document: Raw
    version: int | UnsetType = UNSET


class IndexDocumentsRequest(_Camel, kw_only=True):
    """`IndexDocumentsRequest`."""

    datasource: Text
    documents: list[Raw]
    upload_id: str | UnsetType = UNSET


class IndexUserRequest(_Camel, kw_only=True):
    """`IndexUserRequest`."""

    datasource: Text
    user: User
    version: int | UnsetType = UNSET


class DatasourceRequest(_Camel, kw_only=True):
    """A body that names a datasource and nothing else."""

    datasource: Text


class ProcessAllDocumentsRequest(_Camel, kw_only=True):
    """`ProcessAllDocumentsRequest`: the datasource to process; without one, all."""

    datasource: Text | UnsetType = UNSET


class DeleteDocumentRequest(_Camel, kw_only=True):
    """`DeleteDocumentRequest`: the document to delete, by type and id."""

    datasource: Text
    object_type: Text
    id: Text
    version: int | UnsetType = UNSET


class DeleteUserRequest(_Camel, kw_only=True):
    """`DeleteUserRequest`: the user to delete, by e-mail address."""

    datasource: Text
    email: Text
    version: int | UnsetType = UNSET


class BetaUsersRequest(_Camel, kw_only=True):
    """Users who may see a datasource that is not yet visible to all."""

    datasource: Text
    emails: list[Text]


class DocumentAccessRequest(_Camel, kw_only=True):
    """A document and a user whose access to it is checked."""

    datasource: Text
    object_type: Text
    doc_id: Text
    user_email: Text


class DebugDocumentRequest(_Camel, kw_only=True):
    """A document whose status is queried."""

    object_type: Text
    doc_id: Text


class DebugDocumentsRequest(_Camel, kw_only=True):
    """Documents whose status is queried."""

    debug_documents: Annotated[list[DebugDocumentRequest], Meta(max_length=100)]

"""A connector of Glean's own kit, which runs in the kit's environment: thirty pages that one user may read."""

from __future__ import annotations

from typing import Any

from glean.api_client.models import (
    ContentDefinition,
    CustomDatasourceConfig,
    DatasourceCategory,
    DatasourceUserDefinition,
    DocCategory,
    DocumentDefinition,
    DocumentPermissionsDefinition,
    ObjectDefinition,
    UserReferenceDefinition,
)
from glean.indexing.connectors import BaseDataClient, BaseDatasourceConnector

NAME = "acmewiki"
READER = "ada@example.com"
SITE = "https://wiki.example.com"


class Pages(BaseDataClient):  # type: ignore[misc]
    """Where the pages come from."""

    def get_source_data(self, **_: object) -> list[int]:
        return list(range(30))


class Wiki(BaseDatasourceConnector):  # type: ignore[misc]
    """What `glean-idx` is told to configure and to run."""

    configuration = CustomDatasourceConfig(
        name=NAME,
        display_name="Acme's wiki",
        datasource_category=DatasourceCategory.KNOWLEDGE_HUB,
        url_regex=r"https://wiki\.example\.com/.*",
        object_definitions=[ObjectDefinition(name="Page", doc_category=DocCategory.KNOWLEDGE_HUB)],
        is_test_datasource=True,
    )

    def __init__(self) -> None:
        super().__init__(NAME, Pages())

    def get_identities(self) -> dict[str, Any]:
        return {"users": [DatasourceUserDefinition(email=READER, name="Ada")]}

    def transform(self, data: list[int]) -> list[DocumentDefinition]:
        return [
            DocumentDefinition(
                datasource=NAME,
                object_type="Page",
                id=f"p{number}",
                title=f"Page {number}",
                view_url=f"{SITE}/p{number}",
                body=ContentDefinition(mime_type="text/plain", text_content=f"heron {number} " * 30),
                permissions=DocumentPermissionsDefinition(
                    allowed_users=[UserReferenceDefinition(email=READER)]
                ),
                updated_at=1_767_323_045 + number,
            )
            for number in data
        ]

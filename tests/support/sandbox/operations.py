"""The names of the operations, for routes, the ledger, the count of requests and the fault plan."""

from __future__ import annotations

from typing import Final

OPERATIONS: Final = frozenset(
    {
        "tenant.get",
        "datasources.create",
        "datasources.list",
        "datasources.get",
        "datasources.update",
        "datasources.delete",
        "auth.set",
        "documents.upload",
        "uploads.discard",
        "sync.start",
        "sync.find",
        "sync.get",
        "sync.stop",
        "health.get",
        "search",
        "adddatasource",
        "getdatasourceconfig",
        "betausers",
        "bulkindexdocuments",
        "bulkindexusers",
        "indexuser",
        "deleteuser",
        "indexdocument",
        "indexdocuments",
        "deletedocument",
        "processalldocuments",
        "debug.status",
        "debug.documents",
        "debug.document",
        "checkdocumentaccess",
        "rotatetoken",
    }
)
"""The operations of every dialect; a request for anything else counts as `no_such_route`."""

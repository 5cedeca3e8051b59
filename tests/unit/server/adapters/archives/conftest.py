from __future__ import annotations

from tests.support.content.archive_fixtures import archives, folder, root

__all__ = ["archives", "folder", "root"]

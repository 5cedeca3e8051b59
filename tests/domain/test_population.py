from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from records import ISSUES, MESSAGES, NOW, PAGES, REPOS, SITES, Stream, populate, population, record, stream

from domain.errors import StagingFailedError, TemplateInvalidError
from domain.model import CheckResult, DatasetType
from domain.population import Population
from domain.ports import Staged
from domain.spill import MemorySpill

if TYPE_CHECKING:
    from collections.abc import Callable

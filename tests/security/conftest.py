"""What fails in the modules of the machine says with which values."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.support.adversaries")

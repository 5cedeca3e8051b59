"""What fails in the modules of the machine says with which values."""

from __future__ import annotations

import pytest

for name in ("attempts", "machine", "outside", "people", "probes", "sampling", "table"):
    pytest.register_assert_rewrite(f"tests.adversarial.{name}")

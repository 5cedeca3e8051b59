"""What tests ask servers of this machine with: they speak plain HTTP, so no client needs certificates."""

from __future__ import annotations

import ssl
from typing import Final

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Without it each client takes twenty milliseconds to learn whom this machine trusts."""

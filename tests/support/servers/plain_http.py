"""HTTP clients for servers of this machine, which speak no TLS."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Final

import httpx

NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify` of httpx: without it each client loads the machine's authorities, which takes longer than most tests."""
fetch: Final = partial(httpx.get, verify=NO_AUTHORITIES)
"""One request of such a server."""

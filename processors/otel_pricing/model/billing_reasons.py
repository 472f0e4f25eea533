"""Billing reasons used by reports."""

from __future__ import annotations

from typing import Final

CACHED: Final = "answered from a cache: no request was sent"
"""Billing reason of a framework's span without a request on the wire."""
UNSENT: Final = "failed before a request was sent"
"""Billing reason of a failed span without a request on the wire."""

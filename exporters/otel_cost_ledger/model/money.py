"""Exact formatting of nano-USD."""

from __future__ import annotations

from otel_pricing.model.call import NANO_PER_USD


def usd_text(nano_usd: int) -> str:
    """Return the amount in dollars as an exact decimal string: `0.0000105`, `12`, `-0.5`."""
    sign = "-" if nano_usd < 0 else ""
    dollars, nano = divmod(abs(nano_usd), NANO_PER_USD)
    fraction = f"{nano:09d}".rstrip("0")
    return f"{sign}{dollars}.{fraction}" if fraction else f"{sign}{dollars}"

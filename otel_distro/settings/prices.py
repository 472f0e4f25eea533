"""The price file that the settings name: its check at start, and its prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base import messages

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.settings.model import Settings
    from otel_pricing import PriceBook


def price_file_problem(file: Path) -> str | None:
    """Return why *file* cannot be used, with every invalid entry; None if it can."""
    from otel_pricing import PriceBookError, read_price_file

    try:
        read_price_file(file)
    except PriceBookError as error:
        return str(error)
    return None


def load_prices(settings: Settings) -> PriceBook:
    """Return the prices of *settings*: of its file, then the built-in ones.

    A file that cannot be used is reported once and leaves the built-in prices: calls without any
    price would be missing from the ledger.
    """
    from otel_pricing import PriceBook, PriceBookError, read_price_file

    try:
        return PriceBook(read_price_file(settings.prices)) if settings.prices else PriceBook()
    except PriceBookError:
        messages.warn_once(
            f"calls have the built-in prices only, because {settings.prices} cannot be used; "
            "correct it, then run `otel-distro ledger reprice --since AGE`"
        )
        return PriceBook()

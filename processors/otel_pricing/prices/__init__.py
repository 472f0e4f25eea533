"""What models cost: the user's own prices, then list prices by the day of the call."""

from otel_pricing.prices.overrides import (
    Override,
    PriceBookError,
    PriceTable,
    price_table,
    read_price_file,
)
from otel_pricing.prices.price import Price, Rate
from otel_pricing.prices.price_book import Explanation, PriceBook

__all__ = [
    "Explanation",
    "Override",
    "Price",
    "PriceBook",
    "PriceBookError",
    "PriceTable",
    "Rate",
    "price_table",
    "read_price_file",
]

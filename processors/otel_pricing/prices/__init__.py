"""What models cost: the user's own prices, then list prices by the day of the call."""

from otel_pricing.prices.book import Explanation, PriceBook
from otel_pricing.prices.overrides import (
    Override,
    PriceBookError,
    PriceTable,
    price_table,
    read_price_file,
)
from otel_pricing.prices.price import Price, Rate

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

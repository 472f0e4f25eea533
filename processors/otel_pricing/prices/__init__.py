"""Prices of models: the user's own, then list prices by the day of the call."""

from otel_pricing.prices.overrides import Override, PriceBookError, PriceTable
from otel_pricing.prices.price import Price, Rate
from otel_pricing.prices.price_book import Explanation, PriceBook
from otel_pricing.prices.price_file import price_table, read_price_file

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

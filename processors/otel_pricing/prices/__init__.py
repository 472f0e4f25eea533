"""Prices of models: custom prices of the user, then list prices of the call's day."""

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

"""What a model call cost: span -> usage -> price -> billed once.

    record = from_readable_span(span)         # or read_spans("archive.jsonl")
    call = read_call(record)                  # None unless it is a model call
    priced = price_call(call, PriceBook())    # offline, exact, unknown is never zero
    decided = decide([priced, ...])           # stacked instrumentations are billed once

Importing this package loads neither the price data nor the OpenTelemetry SDK.
"""

from otel_pricing.attributes import facts
from otel_pricing.billing import decide
from otel_pricing.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage
from otel_pricing.cost import price_call
from otel_pricing.otlp_json import LineProblem, read_spans
from otel_pricing.prices import (
    Explanation,
    Price,
    PriceBook,
    PriceBookError,
    PriceTable,
    Rate,
    price_table,
    read_price_file,
)
from otel_pricing.recognise import is_model_call, read_call
from otel_pricing.record import SpanEvent, SpanRecord, from_readable_span
from otel_pricing.window import BillingWindow

__all__ = [
    "NANO_PER_USD",
    "BillingWindow",
    "CostStatus",
    "Explanation",
    "LineProblem",
    "ModelCall",
    "Price",
    "PriceBook",
    "PriceBookError",
    "PriceTable",
    "PricedCall",
    "Rate",
    "SpanEvent",
    "SpanRecord",
    "Usage",
    "decide",
    "facts",
    "from_readable_span",
    "is_model_call",
    "price_call",
    "price_table",
    "read_call",
    "read_price_file",
    "read_spans",
]

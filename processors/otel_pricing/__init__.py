"""Cost of model calls: span -> usage -> price -> billed once.

    record = from_readable_span(span)         # or read_spans("archive.jsonl")
    call = read_call(record)                  # None unless it is a model call
    priced = price_call(call, PriceBook())    # offline, exact, unknown is never zero
    decided = decide([priced, ...])           # stacked instrumentations are billed once

Importing this package loads neither the price data nor the OpenTelemetry SDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_pricing.billing.billing import decide
    from otel_pricing.billing.window import BillingWindow
    from otel_pricing.costing.cost import price_call
    from otel_pricing.model.attributes import facts
    from otel_pricing.model.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage
    from otel_pricing.model.record import SpanEvent, SpanRecord, from_readable_span
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
    from otel_pricing.reading.log_events import LogRecord, call_of_log
    from otel_pricing.reading.otlp_json import read_records, read_spans
    from otel_pricing.reading.otlp_records import LineProblem
    from otel_pricing.reading.recognise import is_model_call, read_call

__all__ = [
    "NANO_PER_USD",
    "BillingWindow",
    "CostStatus",
    "Explanation",
    "LineProblem",
    "LogRecord",
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
    "call_of_log",
    "decide",
    "facts",
    "from_readable_span",
    "is_model_call",
    "price_call",
    "price_table",
    "read_call",
    "read_price_file",
    "read_records",
    "read_spans",
]

_HOMES = {
    "BillingWindow": "billing.window",
    "CostStatus": "model.call",
    "Explanation": "prices",
    "LineProblem": "reading.otlp_records",
    "LogRecord": "reading.log_events",
    "ModelCall": "model.call",
    "NANO_PER_USD": "model.call",
    "Price": "prices",
    "PriceBook": "prices",
    "PriceBookError": "prices",
    "PriceTable": "prices",
    "PricedCall": "model.call",
    "Rate": "prices",
    "SpanEvent": "model.record",
    "SpanRecord": "model.record",
    "Usage": "model.call",
    "call_of_log": "reading.log_events",
    "decide": "billing.billing",
    "facts": "model.attributes",
    "from_readable_span": "model.record",
    "is_model_call": "reading.recognise",
    "price_call": "costing.cost",
    "price_table": "prices",
    "read_call": "reading.recognise",
    "read_price_file": "prices",
    "read_records": "reading.otlp_json",
    "read_spans": "reading.otlp_json",
}


def __getattr__(name: str) -> object:
    # Every program imports some of this package; few price a call.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"otel_pricing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value

"""What a model call cost: span -> usage -> price -> billed once.

    record = from_readable_span(span)         # or read_spans("archive.jsonl")
    call = read_call(record)                  # None unless it is a model call
    priced = price_call(call, PriceBook())    # offline, exact, unknown is never zero
    decided = decide([priced, ...])           # stacked instrumentations are billed once

Importing this package loads neither the price data nor the OpenTelemetry SDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_pricing.attributes import facts
    from otel_pricing.billing import decide
    from otel_pricing.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage
    from otel_pricing.cost import price_call
    from otel_pricing.log_events import LogRecord, call_of_log
    from otel_pricing.otlp_json import LineProblem, read_records, read_spans
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
    "BillingWindow": "window",
    "CostStatus": "call",
    "Explanation": "prices",
    "LineProblem": "otlp_json",
    "LogRecord": "log_events",
    "ModelCall": "call",
    "NANO_PER_USD": "call",
    "Price": "prices",
    "PriceBook": "prices",
    "PriceBookError": "prices",
    "PriceTable": "prices",
    "PricedCall": "call",
    "Rate": "prices",
    "SpanEvent": "record",
    "SpanRecord": "record",
    "Usage": "call",
    "call_of_log": "log_events",
    "decide": "billing",
    "facts": "attributes",
    "from_readable_span": "record",
    "is_model_call": "recognise",
    "price_call": "cost",
    "price_table": "prices",
    "read_call": "recognise",
    "read_price_file": "prices",
    "read_records": "otlp_json",
    "read_spans": "otlp_json",
}


def __getattr__(name: str) -> object:
    # Every start imports something of this package; few programs price a call.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"otel_pricing.{_HOMES[name]}"), name)
    globals()[name] = found
    return found

"""Estimates the memory of a queued record: cheap enough for the app's thread, never raises.

Exact figures would cost more than queueing. The fixed parts were measured; only text varies, so
only its length is read.
"""

from __future__ import annotations

from typing import Any, Final

SPAN_BYTES: Final = 2600
"""Bytes of a finished span without attributes, with its view and its queue entry."""
LOG_BYTES: Final = 1800
_ITEM_BYTES: Final = 100
_DEEPEST: Final = 3
_WIDEST: Final = 256


def span_size(span: Any) -> int:
    """Return the approximate memory of *span*, or a view of one, in bytes."""
    source = getattr(span, "_source", None)  # reading the view's attributes would redact them now
    raw = span if source is None else source()
    # The SDK's fields rather than its properties, each of which makes a copy.
    size = SPAN_BYTES + _attributes_size(raw._attributes)
    if len(raw._events):
        for event in raw.events:
            size += 3 * _ITEM_BYTES + _attributes_size(event.attributes)
    return size + 5 * _ITEM_BYTES * len(raw._links)


def log_record_size(entry: Any) -> int:
    """Return the approximate memory of the log record *entry*, or a view of one, in bytes."""
    record = entry.log_record
    parts = getattr(record, "_parts", None)
    raw = record if parts is None else parts._source()
    return LOG_BYTES + _value_size(raw.body, 0) + _attributes_size(raw.attributes)


def _attributes_size(attributes: Any) -> int:
    if not attributes:
        return 0
    # The SDK's mapping looks up keys in Python code; its storage is a plain dictionary.
    return _mapping_size(getattr(attributes, "_dict", attributes), 0)


def _mapping_size(mapping: Any, depth: int) -> int:
    size = _ITEM_BYTES * len(mapping)
    for value in mapping.values():
        size += len(value) if type(value) is str else _value_size(value, depth)
    return size


def _value_size(value: Any, depth: int) -> int:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value)
    if kind is list or kind is tuple:
        # Long sequences hold values of one kind, so the first ones represent the others.
        first = value[:_WIDEST]
        if not first or depth >= _DEEPEST:
            return _ITEM_BYTES
        some = sum(_value_size(item, depth + 1) for item in first)
        return some * len(value) // len(first)
    if depth < _DEEPEST and isinstance(value, dict):
        return _mapping_size(value, depth + 1)
    return _ITEM_BYTES // 4

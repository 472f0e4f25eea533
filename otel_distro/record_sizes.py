"""About how much memory a queued record takes: cheap enough for the app's thread, never an error.

Exact figures would cost more than queueing itself. The fixed parts were measured; what varies is
text, so that is what is looked at.
"""

from __future__ import annotations

from typing import Any, Final

SPAN_BYTES: Final = 2600
"""A finished span without attributes, with its view and its place in the queue."""
LOG_BYTES: Final = 1800
_ITEM_BYTES: Final = 100
_DEEPEST: Final = 3
_WIDEST: Final = 256


def span_size(span: Any) -> int:
    """Return about how many bytes *span*, or a view of one, keeps in memory."""
    raw = getattr(span, "_raw", span)  # reading the view's own attributes would redact them now
    size = SPAN_BYTES + _mapping_size(raw.attributes, 0)
    for event in raw.events:
        size += 3 * _ITEM_BYTES + _mapping_size(event.attributes, 0)
    return size + 5 * _ITEM_BYTES * len(raw.links)


def log_record_size(entry: Any) -> int:
    """Return about how many bytes the log record *entry*, or a view of one, keeps in memory."""
    record = entry.log_record
    parts = getattr(record, "_parts", None)
    raw = record if parts is None else getattr(parts, "_raw", record)
    return LOG_BYTES + _value_size(raw.body, 0) + _mapping_size(raw.attributes or {}, 0)


def _mapping_size(mapping: Any, depth: int) -> int:
    size = 0
    for value in mapping.values():
        size += _ITEM_BYTES
        if type(value) is str:
            size += len(value)
        else:
            size += _value_size(value, depth)
    return size


def _value_size(value: Any, depth: int) -> int:
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value)
    if kind is list or kind is tuple:
        # Long sequences hold one kind of thing, so the first ones speak for the others.
        first = value[:_WIDEST]
        if not first or depth >= _DEEPEST:
            return _ITEM_BYTES
        some = sum(_value_size(item, depth + 1) for item in first)
        return some * len(value) // len(first)
    if depth < _DEEPEST and isinstance(value, dict):
        return _mapping_size(value, depth + 1)
    return _ITEM_BYTES // 4

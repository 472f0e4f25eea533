"""Conversion between Python values and OTLP attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_trace_store.values import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_LARGEST = 2**63 - 1


def attribute_mapping(pairs: Any, nesting: int = 32) -> tuple[dict[str, Any], bool]:
    """Return OTLP attributes as a dict, and whether the conversion is lossless.

    It is lossy if a key occurs twice or a value is nested more than *nesting* levels deep.
    """
    attributes: dict[str, Any] = {}
    same = True
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            attributes[pair.key] = value.string_value
        elif kind in {"array_value", "kvlist_value"}:
            attributes[pair.key] = value_of(value)
            same = same and not is_deeper(value, nesting)
        else:
            attributes[pair.key] = getattr(value, kind) if kind else None
    return attributes, same and len(attributes) == len(pairs)


def is_deeper(value: AnyValue, levels: int) -> bool:
    """Return whether *value* has more than *levels* levels, or a key twice in one of its maps."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return levels <= 0 or any(is_deeper(item, levels - 1) for item in value.array_value.values)
    if kind == "kvlist_value":
        pairs = value.kvlist_value.values
        return (
            levels <= 0
            or len({pair.key for pair in pairs}) != len(pairs)
            or any(is_deeper(pair.value, levels - 1) for pair in pairs)
        )
    return False


def set_attributes(pairs: Any, values: Mapping[str, Any]) -> None:
    """Replace the attributes in *pairs* by *values*."""
    del pairs[:]
    for key, value in values.items():
        pair = pairs.add()
        pair.key = key
        set_value(pair.value, value)


def set_value(target: AnyValue, value: Any) -> None:
    """Set *target* to *value*; types that OTLP lacks are written as text."""
    target.Clear()
    if value is None:
        return
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        if -_LARGEST - 1 <= value <= _LARGEST:
            target.int_value = value
        else:
            target.string_value = str(value)
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value if value.isascii() else _valid(value)
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        set_attributes(target.kvlist_value.values, {str(k): v for k, v in value.items()})
    elif isinstance(value, list | tuple):
        target.array_value.SetInParent()
        for item in value:
            set_value(target.array_value.values.add(), item)
    else:
        target.string_value = _valid(str(value))


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()

"""Values of OTLP messages as Python values, and their searchable words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_DEEPEST: Final = 32
LONGEST_INDEXED: Final = 8_192
_LARGEST_INDEXED: Final = 1_000_000
SERVICE: Final = "service.name"
UNKNOWN_SERVICE: Final = "unknown_service"


def value_of(value: AnyValue, depth: int = 0) -> Any:
    """Return the Python value of an OTLP value; None for an empty or too deeply nested one."""
    kind = value.WhichOneof("value")
    if kind is None or depth > _DEEPEST:
        return None
    if kind == "array_value":
        return [value_of(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value, depth + 1) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return OTLP attributes as a dict."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def service_of(pairs: Iterable[KeyValue]) -> str:
    """Return `service.name` of a resource's attributes."""
    for pair in pairs:
        if pair.key == SERVICE:
            return pair.value.string_value or UNKNOWN_SERVICE
    return UNKNOWN_SERVICE


def collect_texts(pairs: Iterable[KeyValue], texts: list[str]) -> None:
    """Add the searchable texts of attribute values to *texts*."""
    for pair in pairs:
        text = pair.value.string_value
        if text:
            texts.append(text[:LONGEST_INDEXED])
        else:
            collect_other(pair.value, texts)


def collect_other(value: AnyValue, texts: list[str]) -> None:
    """Add the searchable texts in a *value* that is not a string."""
    if value.HasField("int_value"):
        if -_LARGEST_INDEXED < value.int_value < _LARGEST_INDEXED:
            texts.append(str(value.int_value))
    else:
        collect_value(value, texts)


def collect_value(value: AnyValue, texts: list[str], depth: int = 0) -> None:
    """Add the texts in *value* to *texts*."""
    kind = value.WhichOneof("value")
    if depth > _DEEPEST or kind is None:
        return
    if kind == "string_value":
        texts.append(value.string_value[:LONGEST_INDEXED])
    elif kind == "array_value":
        for item in value.array_value.values:
            collect_value(item, texts, depth + 1)
    elif kind == "kvlist_value":
        for pair in value.kvlist_value.values:
            collect_value(pair.value, texts, depth + 1)

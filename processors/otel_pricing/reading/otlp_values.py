"""Values of OTLP/JSON as Python values; malformed ones are None."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def attributes_of(pairs: object) -> dict[str, object]:
    """Return a list of key-value pairs as a dict."""
    read: dict[str, object] = {}
    for pair in objects_of(pairs):
        key = pair.get("key")
        if isinstance(key, str):
            read[key] = _value(pair.get("value"))
    return read


def _value(value: object, depth: int = 0) -> object:
    """Return the Python value of an OTLP AnyValue; None if it is empty, unknown or too deep."""
    if depth > 32:
        return None
    for kind, content in object_of(value).items():
        match kind:
            case "stringValue" | "string_value" | "boolValue" | "bool_value":
                return content
            case "intValue" | "int_value":
                return _integer(content)
            case "doubleValue" | "double_value":
                return _double(content)
            case "arrayValue" | "array_value":
                items = object_of(content).get("values")
                return [_value(v, depth + 1) for v in items] if isinstance(items, list) else []
            case "kvlistValue" | "kvlist_value":
                pairs = objects_of(object_of(content).get("values"))
                return {str(p.get("key")): _value(p.get("value"), depth + 1) for p in pairs}
            case "bytesValue" | "bytes_value":
                return content
            case _:
                continue
    return None


def _integer(content: object) -> object:
    # Protobuf's JSON writes 64-bit integers as strings, because JavaScript cannot represent them.
    if isinstance(content, str):
        try:
            return int(content)
        except ValueError:
            return None
    return content


def _double(content: object) -> object:
    if isinstance(content, str):
        try:
            return float(content)
        except ValueError:
            return None
    return content


def either(mapping: Mapping[str, object], camel: str, snake: str) -> object:
    """Return the value of a key in OTLP's spelling, or in plain protobuf's."""
    return mapping.get(camel, mapping.get(snake))


def object_of(value: object) -> Mapping[str, object]:
    """Return *value* if it is an object, else an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def objects_of(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects in *value* if it is a list."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            if isinstance(item, dict):
                yield cast("dict[str, object]", item)


def text_of(value: object) -> str:
    """Return *value* if it is text, else an empty one."""
    return value if isinstance(value, str) else ""

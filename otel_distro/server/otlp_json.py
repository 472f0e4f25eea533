"""Converts OTLP/JSON to protobuf messages.

OTLP/JSON is protobuf's JSON with ids in hexadecimal; unknown names are ignored, as specified.
"""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_INTEGERS: Final = frozenset(
    {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64}
    | {FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64}
)
_FLOATS: Final = frozenset({FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT})
_LONGEST_NUMBER: Final = 30


class MalformedJsonError(ValueError):
    """JSON that is not OTLP; the message names the field, never its value."""


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    field_descriptors: dict[str, FieldDescriptor] = {}
    for field in descriptor.fields:
        field_descriptors[field.name] = field
        field_descriptors[field.json_name] = field
    return field_descriptors


def fill(message: Message, document: Any, depth: int) -> None:
    """Set the fields of *message* from *document*; raises MalformedJsonError.

    *depth* is the maximum nesting of objects.
    """
    if not isinstance(document, dict):
        raise MalformedJsonError(
            f"expected an object for {message.DESCRIPTOR.name}, got {type(document).__name__}"
        )
    if depth <= 0:
        raise MalformedJsonError("it is nested too deeply")
    fields = _fields(message.DESCRIPTOR)
    for name, value in document.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        if field.is_repeated:
            _fill_list(message, field, value, depth)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            inner = getattr(message, field.name)
            inner.SetInParent()
            fill(inner, value, depth - 1)
        else:
            _set(message, field, _scalar(field, value))


def _fill_list(message: Message, field: FieldDescriptor, value: Any, depth: int) -> None:
    if not isinstance(value, list):
        raise MalformedJsonError(f"expected a list for {field.json_name}")
    target = getattr(message, field.name)
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        for item in value:
            fill(target.add(), item, depth - 1)
        return
    try:
        target.extend([_scalar(field, item) for item in value])
    except (ValueError, TypeError) as error:
        raise _wrong(field) from error


def _set(message: Message, field: FieldDescriptor, value: Any) -> None:
    try:
        setattr(message, field.name, value)
    except (ValueError, TypeError) as error:
        raise _wrong(field) from error


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    kind = field.cpp_type
    try:
        if kind in _INTEGERS:
            return _integer(value)
        if kind in _FLOATS:
            return float(value) if not isinstance(value, bool) else _refuse()
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return _enum(field, value)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return value if isinstance(value, bool) else _refuse()
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _bytes(field.name, value)
        if not isinstance(value, str):
            return _refuse()
        # A lone surrogate, valid in JSON and not in UTF-8.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise _wrong(field) from error


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        return int(_refuse())
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        return int(value)
    return int(_refuse())


def _enum(field: FieldDescriptor, value: Any) -> int:
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        known = field.enum_type.values_by_name.get(value) if field.enum_type else None
        return int(known.number) if known is not None else 0
    return _integer(value)


def _bytes(name: str, value: Any) -> bytes:
    if not isinstance(value, str):
        return bytes(_refuse())
    if name in _IDS:
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass  # protobuf's JSON writes ids in base64
    return base64.b64decode(value, validate=True)


def _refuse() -> Any:
    raise TypeError


def _wrong(field: FieldDescriptor) -> MalformedJsonError:
    return MalformedJsonError(f"the value of {field.json_name} is of the wrong kind")

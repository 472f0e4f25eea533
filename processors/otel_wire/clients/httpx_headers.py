"""Headers of a request of `httpx`, read without decoding all of them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

_NAME_AND_VALUE = itemgetter(1, 2)


class RequestHeaders:
    """Headers of a request, decoded on access.

    The library decodes all of them to find one, which takes longer than reading the body.
    """

    __slots__ = ("_decoding", "_values")

    def __init__(self, headers: Any) -> None:
        self._decoding = headers
        values: dict[bytes, bytes] = dict(map(_NAME_AND_VALUE, headers._list))
        self._values = values if len(values) == len(headers._list) else None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of *name*, which is in lower case; several are joined by commas."""
        values = self._values
        if values is not None:
            value = values.get(name.encode())
            if value is None:
                return default
            if value.isascii():
                return value.decode()
        return self._decoding.get(name, default)

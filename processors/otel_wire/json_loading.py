"""JSON parsing with one kind of error."""

from __future__ import annotations

import json
from typing import Any

_DEEP = "[" * 64
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once


def loads(text: str) -> object:
    """Parse JSON; raises ValueError, also for too deep nesting and too long numbers."""
    if _DEEP in text:
        # The parser would fail, together with any hook that runs at that depth.
        raise ValueError("too deep")
    try:
        if text[:1] == "{":  # the common case; `json.loads` checks spaces and options first
            value: object
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        return json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None
    except StopIteration:
        raise ValueError("a value is missing") from None

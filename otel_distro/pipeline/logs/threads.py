"""Thread attributes of log records that have a code location."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry._logs import LogRecord

_PLACE = "code.line.number"
_NOTHING: Mapping[str, str | int] = {}


def thread_of(record: LogRecord) -> Mapping[str, str | int]:
    """Return the attributes of the current thread; none for a record without a code location.

    Records are emitted on the thread that logs.
    """
    if _PLACE not in (record.attributes or _NOTHING):
        return _NOTHING
    thread = threading.current_thread()
    return {"thread.id": thread.ident or 0, "thread.name": thread.name}
